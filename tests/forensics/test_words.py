"""What the reports say of a seizure: what was seen, and no more."""

from tests.forensics.values import DEAD, IDLE, MUTE, POST

from stallproof.events import Seizure
from stallproof.forensics.findings import Wait
from stallproof.forensics.words import connection, evidence, sentence, surroundings


def test_the_line_the_call_and_the_connection() -> None:
    assert sentence(MUTE) == (
        "the worker (main process, MainThread) waited in "
        "redis/_parsers/socket.py:64 SocketBuffer._read_from_socket, called by "
        "redis/commands/core.py:11045 PubSubCommands.publish, by kombu/x.py:1 Channel._put: "
        "recvfrom on 198.18.2.2:41234 to 198.18.3.13:6379 (worker-broker), ESTABLISHED, "
        "1 segment unacknowledged, 6 retransmissions without an answer, the next in 10.50 s, "
        "at the broker: last command publish, 18 s ago, 0 subscriptions."
    )


def test_an_idle_connection_is_not_called_dead() -> None:
    assert connection(IDLE).endswith("ESTABLISHED, keepalive timer in 2.25 s")


def test_what_is_not_known_is_not_said() -> None:
    assert sentence(POST).endswith("a.py:1 f; it ran, or moved on while it was looked at.")


def test_a_loop_says_for_how_many_it_waited() -> None:
    loop = Wait(
        service="worker",
        process="main process",
        pid=19,
        thread="MainThread",
        at="kombu/utils/eventio.py:83 _epoll.poll",
        call="epoll_wait",
        descriptors=7,
        on=(DEAD, IDLE),
    )
    said = sentence(loop)
    assert "epoll_wait for any of 7 descriptors, of them 2 connections to the broker: " in said
    assert said.count("worker-broker") == 2


def test_a_stall_comes_first_and_the_end_repeats_nothing() -> None:
    hangs = Seizure(t=66.0, why="post-hangs", took_s=1.0, waits=(MUTE, POST))
    stalled = Seizure(
        t=74.0,
        why="stalled",
        took_s=1.0,
        waits=(MUTE,),
        queued=3,
        unacked=1,
        silent_s={"worker": 9.5},
    )
    end = Seizure(t=90.0, why="unfinished", took_s=1.0, waits=(MUTE, POST))
    told = evidence([hangs, stalled, end], load_t=64.0)
    assert [text.split(",")[0] for text in told] == [
        "10.00 s into the load",
        "at that moment the broker held 3 messages in its queues and 1 unacknowledged",
        "2.00 s into the load",
    ]
    assert "the api (" in told[2]
    assert evidence([], load_t=64.0) == ()


def test_what_could_not_be_read_is_left_out() -> None:
    seizure = Seizure(t=74.0, why="stalled", took_s=1.0)
    assert surroundings(seizure) == ""
    assert evidence([seizure], load_t=64.0) == ()
