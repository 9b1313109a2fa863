"""Packet rules in the network namespace this process is in, by netlink: nftables without `nft`.

    install("partition", [[*to("198.18.3.11"), *counted(), *dropped()]], hooks=GATEWAY)
    packets("partition")      # how many met a rule of it
    remove("partition")

One table a purpose, so that its removal undoes exactly that. A rule is a list of expressions:
what it matches, then what it does.

Knows nothing of the harness: the standard library and pyroute2 only.
Layouts: linux/netfilter/nf_tables.h, nf_conntrack_common.h.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pyroute2.netlink import NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REQUEST
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.nfnetlink import NFNL_SUBSYS_NFTABLES, nfgen_msg
from pyroute2.netlink.nfnetlink.nftsocket import (
    NFT_MSG_DELTABLE,
    NFT_MSG_NEWCHAIN,
    NFT_MSG_NEWRULE,
    NFT_MSG_NEWTABLE,
    nft_chain_msg,
    nft_rule_msg,
    nft_table_msg,
)
from pyroute2.nftables.expressions import genex, verdict
from pyroute2.nftables.main import NFTables

GATEWAY = ("forward",)
"""Where packets pass on a machine between the two ends."""
HOST = ("input", "output")
"""Where they pass on the machine of one of them."""

Expression = dict[str, Any]
Rule = Sequence[Expression]
Match = Callable[[str], list[Expression]]

ARRIVAL = ("prerouting",)
"""Before anything else, connection tracking too, sees a packet that comes in."""

_HOOKS = {"prerouting": 0, "input": 1, "forward": 2, "output": 3}
_PRIORITY = {"prerouting": -300}
"""NF_IP_PRI_RAW (linux/netfilter_ipv4.h); connection tracking is at -200, all else here at 0."""
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_REGISTER = 1
_NETWORK_HEADER, _TRANSPORT_HEADER = 1, 2
_EQUAL, _NOT_EQUAL, _LESS = 0, 1, 2
_CT_STATE, _CT_DIRECTION = 0, 1
_CT_INVALID = 1
_CT_ORIGINAL = 0
_NUMGEN_RANDOM = 1
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
    messages = [_message(nft_table_msg, NFT_MSG_NEWTABLE, name=table)]
    for hook in hooks:
        priority = _PRIORITY.get(hook, 0)
        where = {"attrs": [("NFTA_HOOK_HOOKNUM", _HOOKS[hook]), ("NFTA_HOOK_PRIORITY", priority)]}
        # The name must not be a word of nft's own language (`fwd`).
        chain = {"table": table, "name": f"at_{hook}", "type": "filter", "policy": 1}
        messages.append(_message(nft_chain_msg, NFT_MSG_NEWCHAIN, **chain, hook=where))
    for rule in rules:
        for hook in hooks:
            at = {"table": table, "chain": f"at_{hook}", "expressions": list(rule)}
            messages.append(_message(nft_rule_msg, NFT_MSG_NEWRULE, **at))
    _commit(messages, f"add rules to {table}")


def remove(table: str) -> bool:
    """Delete a table with all its rules; False: there was none.

    Raises:
        NftError: the kernel refused.
    """
    try:
        _commit([_message(nft_table_msg, NFT_MSG_DELTABLE, name=table)], f"remove {table}")
    except NftError as error:
        if error.errno == errno.ENOENT:
            return False
        raise
    return True


def packets(table: str) -> int:
    """How many packets the counters of a table have seen, all its rules together."""
    with _netlink() as nft:
        return sum(
            count.get_attr("NFTA_COUNTER_PACKETS")
            for rule in nft.get_rules()
            if rule.get_attr("NFTA_RULE_TABLE") == table
            for expression in rule.get_attr("NFTA_RULE_EXPRESSIONS") or ()
            if expression.get_attr("NFTA_EXPR_NAME") == "counter"
            for count in [expression.get_attr("NFTA_EXPR_DATA")]
        )


def _message(kind: Any, number: int, **fields: Any) -> Any:
    message = kind()
    message["attrs"] = [(kind.name2nla(name), value) for name, value in fields.items()]
    create = NLM_F_CREATE | NLM_F_APPEND if number != NFT_MSG_DELTABLE else 0
    message["header"]["type"] = NFNL_SUBSYS_NFTABLES << 8 | number
    message["header"]["flags"] = NLM_F_REQUEST | NLM_F_ACK | create
    message["nfgen_family"] = socket.AF_INET
    return message


def _commit(messages: list[Any], what: str) -> None:
    """One transaction: pyroute2's own commands send each message as one of its own."""
    begin, end = nfgen_msg(), nfgen_msg()
    for bound, number in ((begin, _BATCH_BEGIN), (end, _BATCH_END)):
        bound["res_id"] = NFNL_SUBSYS_NFTABLES
        bound["header"]["type"] = number
        bound["header"]["flags"] = NLM_F_REQUEST
    with _netlink() as nft:

        async def send() -> None:
            async for _ in nft.asyncore.nlm_request_batch([begin, *messages, end]):
                pass

        try:
            nft._run_with_cleanup(send)  # noqa: SLF001 (how pyroute2's own commands wait)
        except NetlinkError as error:
            raise NftError(error.code, f"cannot {what}: {error}") from error


def _netlink() -> Any:
    try:
        return NFTables(nfgen_family=socket.AF_INET)
    except OSError as error:  # a kernel without netfilter's netlink
        raise NftError(error.errno, f"no nftables here: {error.strerror}") from error


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
    number = {"dreg": _REGISTER, "modulus": _PARTS, "type": _NUMGEN_RANDOM, "offset": 0}
    # numgen leaves a number in the machine's byte order, and cmp compares bytes.
    swap = {"sreg": _REGISTER, "dreg": _REGISTER, "op": 1, "len": 4, "size": 4}
    below = struct.pack("!I", round(percent / 100 * _PARTS))
    return [_ng(number), genex("byteorder", swap), _compare(below, _LESS)]


def tracked() -> list[Expression]:
    """Every packet; that a rule asks for the state makes the kernel track connections."""
    return [_ct(_CT_STATE)]


def invalid() -> list[Expression]:
    """Packets that belong to no connection that the kernel tracks, nor open one."""
    return [_ct(_CT_STATE), _masked(_CT_INVALID, 4), _compare(bytes(4), _NOT_EQUAL)]


def from_the_opener() -> list[Expression]:
    """Packets from the side that, as the kernel remembers, sent the connection's first one."""
    return [_ct(_CT_DIRECTION), _compare(bytes([_CT_ORIGINAL]))]


# What a rule does.


def counted() -> list[Expression]:
    return [genex("counter", {"bytes": 0, "packets": 0})]


def dropped() -> list[Expression]:
    return list(verdict(0))


def reset() -> list[Expression]:
    """Answer with a TCP RST and drop."""
    return [genex("reject", {"type": _REJECT_TCP_RST, "icmp_code": 0})]


def _load(base: int, offset: int, length: int) -> Expression:
    where = {"dreg": _REGISTER, "base": base, "offset": offset, "len": length}
    return _expression("payload", where)


def _ct(key: int) -> Expression:
    return _expression("ct", {"dreg": _REGISTER, "key": key})


def _ng(number: dict[str, int]) -> Expression:
    data = [(f"NFTA_NG_{key.upper()}", value) for key, value in number.items()]
    return {"attrs": [("NFTA_EXPR_NAME", "numgen"), ("NFTA_EXPR_DATA", {"attrs": data})]}


def _masked(mask: int, length: int = 1) -> Expression:
    bits = {"attrs": [("NFTA_DATA_VALUE", mask.to_bytes(length, sys.byteorder))]}
    zero = {"attrs": [("NFTA_DATA_VALUE", bytes(length))]}
    registers = {"sreg": _REGISTER, "dreg": _REGISTER, "len": length}
    return _expression("bitwise", {**registers, "mask": bits, "xor": zero})


def _compare(value: bytes, how: int = _EQUAL) -> Expression:
    data = {"attrs": [("NFTA_DATA_VALUE", value)]}
    return _expression("cmp", {"sreg": _REGISTER, "op": how, "data": data})


def _expression(name: str, fields: dict[str, Any]) -> Expression:
    expression: Expression = genex(name, fields)
    return expression
