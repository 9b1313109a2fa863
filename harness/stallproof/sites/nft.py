"""Packet rules in the network namespace this process is in, by netlink: nftables without `nft`.

    from stallproof.sites import packet

    rule = [*packet.to("198.18.3.11"), *packet.counted(), *packet.dropped()]
    install("partition", [rule], hooks=GATEWAY)
    packets("partition")      # how many met a rule of it
    remove("partition")

One table a purpose, so that its removal undoes exactly that. A rule is a list of expressions
(`packet.py`): what it matches, then what it does.

Knows nothing of the harness: the standard library and `netlink.py` only.
Layouts: linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence

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

Rule = Sequence[str]
"""Its expressions, each packed as the kernel takes it, and in hex: JSON can carry that."""

_SUBSYSTEM = 10
_NEW_TABLE, _DELETE_TABLE, _NEW_CHAIN, _NEW_RULE, _GET_RULE = 0, 2, 3, 6, 7
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NAME = 1
_CHAIN_NAME, _CHAIN_HOOK, _CHAIN_POLICY, _CHAIN_TYPE = 3, 4, 5, 7
_HOOK_NUMBER, _HOOK_PRIORITY = 1, 2
_RULE_CHAIN, _RULE_EXPRESSIONS = 2, 4
_EXPRESSION_NAME, _EXPRESSION_DATA = 1, 2
_COUNTER_PACKETS = 2
_ACCEPT = 1
_HOOKS = {"prerouting": 0, "input": 1, "forward": 2, "output": 3}
_PRIORITY = {"prerouting": -300}
"""NF_IP_PRI_RAW (linux/netfilter_ipv4.h); connection tracking is at -200, all else here at 0."""


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
