"""A seizure's values: a thread that waits on a dead connection, and others beside it."""

from stallproof.forensics.findings import Connection, Wait

DEAD = Connection(
    local="198.18.2.2:41234",
    remote="198.18.3.13:6379",
    link="worker-broker",
    state="ESTABLISHED",
    unacked=1,
    timer="retransmission",
    timer_s=10.5,
    retransmits=6,
    at_broker="last command publish, 18 s ago, 0 subscriptions",
)
IDLE = Connection(
    local="198.18.2.2:41236",
    remote="198.18.3.13:6379",
    link="worker-broker",
    state="ESTABLISHED",
    timer="keepalive",
    timer_s=2.25,
)
MUTE = Wait(
    service="worker",
    process="main process",
    pid=19,
    thread="MainThread",
    at="redis/_parsers/socket.py:64 SocketBuffer._read_from_socket",
    under=("redis/commands/core.py:11045 PubSubCommands.publish", "kombu/x.py:1 Channel._put"),
    call="recvfrom",
    descriptors=1,
    on=(DEAD,),
)
POST = Wait(
    service="api", process="main process", pid=17, thread="AnyIO worker thread", at="a.py:1 f"
)
