"""From what was seen of a process to the line it waits in and its connection."""

from stallproof.forensics.findings import Connection
from stallproof.forensics.waits import clients_of, connections_of, path_of, waits
from stallproof.sites.blocked import Blocked
from stallproof.sites.pystacks import Frame
from stallproof.sites.seen import ProcessSeen, ThreadSeen
from stallproof.sites.tcpsockets import TcpSocket

READ = Frame("redis/_parsers/socket.py", 64, "SocketBuffer._read_from_socket", False)
SEND = Frame("redis/client.py", 889, "Redis.execute_command", False)
PUBLISH = Frame("redis/commands/core.py", 11045, "PubSubCommands.publish", False)
FANOUT = Frame("kombu/transport/redis.py", 1717, "Channel._put_fanout", False)
PRODUCER = Frame("kombu/messaging.py", 352, "Producer.publish", False)
HEART = Frame("celery/worker/heartbeat.py", 42, "Heart._send", False)
HUB = Frame("kombu/asynchronous/hub.py", 205, "Hub.fire_timers", False)
LOOP = Frame("celery/worker/loops.py", 130, "asynloop", False)
CLICK = Frame("click/core.py", 911, "Context.invoke", False)
WAIT = Frame("threading.py", 327, "Condition.wait", True)
RUN = Frame("anyio/_backends/_asyncio.py", 1113, "WorkerThread.run", False)
MUTE = (READ, SEND, PUBLISH, FANOUT, PRODUCER, HEART, HUB, LOOP, CLICK)

LINK = "198.18.3.13:6379"
OWN = "198.18.2.2:41234"


def socket(inode: int, *, remote: str = LINK, **changed: object) -> TcpSocket:
    values = {
        "local": OWN,
        "remote": remote,
        "state": "ESTABLISHED",
        "inode": inode,
        "recv_q_b": 0,
        "send_q_b": 739,
        "unacked": 1,
        "timer": "retransmission",
        "timer_s": 10.5,
        "retransmits": 6,
        "probes": 0,
        "rto_s": 13.0,
        "sent_s": 18.0,
        "received_s": 20.0,
        "acked_s": 20.0,
    }
    return TcpSocket(**{**values, **changed})  # type: ignore[arg-type]


def thread(*frames: Frame, blocked: Blocked | None = None, name: str = "MainThread") -> ThreadSeen:
    return ThreadSeen(name=name, tid=19, frames=frames, blocked=blocked)


def process(*threads: ThreadSeen, pid: int = 19, fds: dict[int, str] | None = None) -> ProcessSeen:
    first = pid == 19
    role = "main process" if first else "child 1"
    return ProcessSeen(pid=pid, role=role, first=first, fds=fds or {}, threads=threads)


def connections(*sockets: TcpSocket) -> dict[int, Connection]:
    return connections_of(sockets, links={LINK: "worker-broker"}, clients={OWN: "known"})


def test_the_path_names_each_librarys_call_as_far_as_celery() -> None:
    assert path_of(MUTE) == tuple(map(str, (READ, PUBLISH, FANOUT, PRODUCER, HEART)))
    # HEART's only frame is innermost and outermost at once, and the hub beyond it is left out.


def test_the_path_begins_where_it_waits_also_in_pythons_own() -> None:
    assert path_of((WAIT, RUN)) == (str(WAIT), str(RUN))
    assert path_of((WAIT,)) == (str(WAIT),)


def test_how_celery_was_started_is_left_out() -> None:
    poll = Frame("kombu/utils/eventio.py", 83, "_epoll.poll", False)
    assert path_of((poll, LOOP, CLICK)) == (str(poll), str(LOOP))


def test_the_connection_is_that_of_the_system_calls_descriptor() -> None:
    seen = process(
        thread(*MUTE, blocked=Blocked("recvfrom", (23,))),
        fds={22: "socket:[900]", 23: "socket:[901]"},
    )
    both = connections(socket(900, local="198.18.2.2:1"), socket(901))
    (wait,) = waits("worker", [seen], both)
    assert (wait.at, wait.call, wait.descriptors) == (str(READ), "recvfrom", 1)
    (on,) = wait.on
    assert (on.local, on.link, on.retransmits, on.dead) == (OWN, "worker-broker", 6, True)
    assert on.at_broker == "known"


def test_a_dead_connection_that_nobody_waits_for_is_not_blamed() -> None:
    seen = process(
        thread(*MUTE, blocked=Blocked("recvfrom", (23,))), fds={22: "socket:[900]", 23: "pipe:[1]"}
    )
    (wait,) = waits("worker", [seen], connections(socket(900)))
    assert wait.on == ()


def test_of_many_the_dead_ones_come_first() -> None:
    fds = {20: "socket:[1]", 21: "socket:[2]", 22: "anon_inode:[timerfd]"}
    seen = process(thread(LOOP, blocked=Blocked("epoll_wait", (20, 21, 22))), fds=fds)
    alive = socket(1, retransmits=0, timer=None, unacked=0)
    (wait,) = waits("worker", [seen], connections(alive, socket(2, retransmits=3)))
    assert wait.descriptors == 3
    assert [one.dead for one in wait.on] == [True, False]


def test_a_thread_that_moved_on_claims_no_connection() -> None:
    (wait,) = waits("worker", [process(thread(*MUTE))], connections(socket(901)))
    assert (wait.call, wait.on) == (None, ())


def test_an_idle_pool_process_and_an_idle_api_are_not_told() -> None:
    idle = thread(Frame("billiard/connection.py", 425, "Connection._recv", False), HEART)
    consumer = process(thread(LOOP))
    told = waits("worker", [consumer, process(idle, pid=35)], {})
    assert [wait.process for wait in told] == ["main process"]
    assert waits("api", [process(thread(WAIT, RUN))], {}) == ()


def test_a_pool_process_that_waits_for_the_backend_is_told() -> None:
    told = waits("worker", [process(thread(LOOP)), process(thread(READ, SEND), pid=35)], {})
    assert [wait.process for wait in told] == ["main process", "child 1"]


def test_only_what_leads_to_the_broker_is_a_connection() -> None:
    orphan, elsewhere = socket(0), socket(5, remote="198.18.2.1:8080")
    assert connections(orphan, elsewhere) == {}


def test_what_the_broker_says_of_its_clients() -> None:
    text = (
        "id=3 addr=1.2.3.4:5 laddr=6.7.8.9:6379 idle=11 sub=0 psub=1 ssub=0 cmd=psubscribe\n"
        "id=4 addr=1.2.3.4:6 laddr=6.7.8.9:6379 idle=2 cmd=client|setinfo\n"
    )
    assert clients_of(text) == {
        "1.2.3.4:5": "last command psubscribe, 11 s ago, 1 subscription",
        "1.2.3.4:6": "last command client|setinfo, 2 s ago, 0 subscriptions",
    }
    unknown = connections_of([socket(1)], links={LINK: "worker-broker"}, clients=clients_of(text))
    assert unknown[1].at_broker == "the broker has no such client"
    unasked = connections_of([socket(1)], links={LINK: "worker-broker"}, clients=None)
    assert unasked[1].at_broker is None
