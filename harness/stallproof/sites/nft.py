"""Packet rules in the network namespace this process is in, by netlink: nftables without `nft`.

    install("partition", [[*to("198.18.3.11"), *counted(), *dropped()]], hooks=GATEWAY)
    packets("partition")      # how many met a rule of it
    remove("partition")

One table a purpose, so that its removal undoes exactly that. A rule is a list of expressions:
what it matches, then what it does.

Knows nothing of the harness: the standard library and `netlink.py` only.
Layouts: linux/netfilter/nf_tables.h, nf_conntrack_common.h.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from collections.abc import Callable, Iterable, Sequence

from stallproof.sites.netlink import (
    NETFILTER_B,
    NETLINK_NETFILTER,
    NLM_F_ACK,
    NLM_F_APPEND,
    NLM_F_CREATE,
    NLM_F_DUMP,
    Message,
    Netlink,
    attribute,
    attributes,
    nested,
    netfilter,
)

GATEWAY = ("forward",)
"""Where packets pass on a machine between the two ends."""
HOST = ("input", "output")
"""Where they pass on the machine of one of them."""
ARRIVAL = ("prerouting",)
"""Before anything else, connection tracking too, sees a packet that comes in."""

Expression = str
"""Packed as the kernel takes it, and in hex, so that a rule can be asked for in JSON."""
Rule = Sequence[Expression]
Match = Callable[[str], list[Expression]]

_SUBSYSTEM = 10
_NEW_TABLE, _DELETE_TABLE, _NEW_CHAIN, _NEW_RULE, _GET_RULE = 0, 2, 3, 6, 7
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NAME = 1
_CHAIN_NAME, _CHAIN_HOOK, _CHAIN_POLICY, _CHAIN_TYPE = 3, 4, 5, 7
_HOOK_NUMBER, _HOOK_PRIORITY = 1, 2
_RULE_CHAIN, _RULE_EXPRESSIONS, _LIST_ELEMENT = 2, 4, 1
_EXPRESSION_NAME, _EXPRESSION_DATA = 1, 2
_DATA_VALUE, _DATA_VERDICT, _VERDICT_CODE = 1, 2, 1
_COUNTER_PACKETS = 2
_ACCEPT, _DROP = 1, 0
_HOOKS = {"prerouting": 0, "input": 1, "forward": 2, "output": 3}
_PRIORITY = {"prerouting": -300}
"""NF_IP_PRI_RAW (linux/netfilter_ipv4.h); connection tracking is at -200, all else here at 0."""
_VERDICT, _REGISTER = 0, 1
_NETWORK_HEADER, _TRANSPORT_HEADER = 1, 2
_EQUAL, _NOT_EQUAL, _LESS = 0, 1, 2
_CT_STATE, _CT_DIRECTION = 0, 1
_CT_INVALID = 1
_CT_ORIGINAL = 0
_NUMGEN_RANDOM = 1
_TO_NETWORK_ORDER = 1
_REJECT_TCP_RST = 1
_TCP_FLAGS_AT, _SYN, _SYN_ACK = 13, 0x02, 0x12
_PARTS = 10_000
"""What a percentage is resolved to: hundredths of a percent."""


class NftError(OSError):
    """The kernel refused a table or a rule: one line saying which, and what it said."""


def install(table: str, rules: Iterable[Rule], *, hooks: Sequence[str]) -> None:
    """Add rules to a table, which is made if it is not there: all of them at once, or none.

    `hooks`: where they stand, `forward` on a gateway, `input` and `output` on a host.

    Raises:
        NftError: no CAP_NET_ADMIN in this network namespace, or a kernel without nf_tables.
    """
    messages = [_message(_NEW_TABLE, attribute(_NAME, table))]
    for hook in hooks:
        priority = attribute(_HOOK_PRIORITY, _PRIORITY.get(hook, 0))
        where = [attribute(_HOOK_NUMBER, _HOOKS[hook]), priority]
        messages.append(
            _message(
                _NEW_CHAIN,
                attribute(_NAME, table),
                attribute(_CHAIN_NAME, _chain(hook)),
                nested(_CHAIN_HOOK, where),
                attribute(_CHAIN_POLICY, _ACCEPT),
                attribute(_CHAIN_TYPE, "filter"),
            )
        )
    for rule in rules:
        expressions = nested(_RULE_EXPRESSIONS, [bytes.fromhex(each) for each in rule])
        for hook in hooks:
            at = attribute(_NAME, table) + attribute(_RULE_CHAIN, _chain(hook))
            messages.append(_message(_NEW_RULE, at, expressions))
    _commit(messages, f"add rules to {table}")


def remove(table: str) -> bool:
    """Delete a table with all its rules; False: there was none.

    Raises:
        NftError: the kernel refused.
    """
    try:
        _commit([_message(_DELETE_TABLE, attribute(_NAME, table))], f"remove {table}")
    except NftError as error:
        if error.errno == errno.ENOENT:
            return False
        raise
    return True


def packets(table: str) -> int:
    """How many packets the counters of a table have seen, all its rules together.

    Raises:
        NftError: the kernel refused.
    """
    wanted = netfilter() + attribute(_NAME, table)
    seen = 0
    request = Message(_number(_GET_RULE), NLM_F_DUMP, wanted)
    for rule in _ask(f"count the packets of {table}", request):
        found = dict(attributes(rule[NETFILTER_B:]))
        for _, expression in attributes(found[_RULE_EXPRESSIONS]):
            parts = dict(attributes(expression))
            if parts[_EXPRESSION_NAME] == b"counter\0":
                counter = dict(attributes(parts[_EXPRESSION_DATA]))
                seen += int.from_bytes(counter[_COUNTER_PACKETS], "big")
    return seen


def _chain(hook: str) -> str:
    return f"at_{hook}"  # not a word of nft's own language (`fwd`)


def _number(kind: int) -> int:
    return _SUBSYSTEM << 8 | kind


def _message(kind: int, *inside: bytes) -> Message:
    create = NLM_F_CREATE | NLM_F_APPEND if kind != _DELETE_TABLE else 0
    return Message(_number(kind), create, netfilter() + b"".join(inside))


def _commit(messages: list[Message], what: str) -> None:
    """One transaction. Only the last is acknowledged; a refusal comes in any case, and before."""
    *others, last = messages
    begin, end = (Message(n, 0, netfilter(_SUBSYSTEM)) for n in (_BATCH_BEGIN, _BATCH_END))
    _ask(what, begin, *others, last._replace(flags=last.flags | NLM_F_ACK), end)


def _ask(what: str, *messages: Message) -> list[bytes]:
    try:
        with Netlink(NETLINK_NETFILTER) as kernel:
            return list(kernel.ask(*messages))
    except OSError as error:
        raise NftError(error.errno, f"cannot {what}: {error.strerror}") from error


# What a rule matches.


def to(ip: str) -> list[Expression]:
    """Packets whose destination is this IPv4 address."""
    return [_load(_NETWORK_HEADER, 16, 4), _compare(socket.inet_aton(ip))]


def of(ip: str) -> list[Expression]:
    """Packets whose source is this IPv4 address."""
    return [_load(_NETWORK_HEADER, 12, 4), _compare(socket.inet_aton(ip))]


def between(source: tuple[str, int], destination: tuple[str, int]) -> list[Expression]:
    """TCP packets from exactly here to exactly there: one direction of one connection."""
    ips = socket.inet_aton(source[0]) + socket.inet_aton(destination[0])
    return [
        _load(_NETWORK_HEADER, 12, 8),
        _compare(ips),
        _load(_TRANSPORT_HEADER, 0, 4),
        _compare(struct.pack("!HH", source[1], destination[1])),
    ]


def opening() -> list[Expression]:
    """The first packet of a connection: SYN without ACK."""
    return [_load(_TRANSPORT_HEADER, _TCP_FLAGS_AT, 1), _masked(_SYN_ACK), _compare(bytes([_SYN]))]


def by_chance(percent: float) -> list[Expression]:
    """Each packet with that chance, drawn by the kernel (0.01 is the least that counts)."""
    drawn = _expression("numgen", _REGISTER, _PARTS, _NUMGEN_RANDOM, 0)
    # numgen leaves a number in the machine's byte order, and cmp compares bytes.
    swapped = _expression("byteorder", _REGISTER, _REGISTER, _TO_NETWORK_ORDER, 4, 4)
    return [drawn, swapped, _compare(struct.pack("!I", round(percent / 100 * _PARTS)), _LESS)]


def tracked() -> list[Expression]:
    """Every packet; that a rule asks for the state makes the kernel track connections."""
    return [_expression("ct", _REGISTER, _CT_STATE)]


def invalid() -> list[Expression]:
    """Packets that belong to no connection that the kernel tracks, nor open one."""
    return [*tracked(), _masked(_CT_INVALID, 4), _compare(bytes(4), _NOT_EQUAL)]


def from_the_opener() -> list[Expression]:
    """Packets from the side that, as the kernel remembers, sent the connection's first one."""
    return [_expression("ct", _REGISTER, _CT_DIRECTION), _compare(bytes([_CT_ORIGINAL]))]


# What a rule does.


def counted() -> list[Expression]:
    return [_expression("counter")]


def dropped() -> list[Expression]:
    verdict = nested(_DATA_VERDICT, [attribute(_VERDICT_CODE, _DROP)])
    return [_expression("immediate", _VERDICT, verdict)]


def reset() -> list[Expression]:
    """Answer with a TCP RST and drop."""
    return [_expression("reject", _REJECT_TCP_RST)]


def _load(base: int, offset: int, length: int) -> Expression:
    return _expression("payload", _REGISTER, base, offset, length)


def _masked(mask: int, length: int = 1) -> Expression:
    bits = attribute(_DATA_VALUE, mask.to_bytes(length, sys.byteorder))
    nothing = attribute(_DATA_VALUE, bytes(length))
    return _expression("bitwise", _REGISTER, _REGISTER, length, bits, nothing)


def _compare(value: bytes, how: int = _EQUAL) -> Expression:
    return _expression("cmp", _REGISTER, how, attribute(_DATA_VALUE, value))


def _expression(name: str, *values: int | bytes) -> Expression:
    """Its attributes are numbered from 1 in the order of the header; bytes are attributes, too."""
    data = [
        nested(number, [value]) if isinstance(value, bytes) else attribute(number, value)
        for number, value in enumerate(values, start=1)
    ]
    inside = [attribute(_EXPRESSION_NAME, name), nested(_EXPRESSION_DATA, data)]
    return nested(_LIST_ELEMENT, inside).hex()
