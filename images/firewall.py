"""What an engine adds to the packet filter, taken out again."""

from __future__ import annotations

from stallproof.commands import CommandError, output_of

TABLES = ("filter", "nat", "raw")
FAMILIES = ("iptables", "ip6tables")
_TIMEOUT_S = 10.0


def forward_policies() -> dict[str, str]:
    """Per family, FORWARD's policy, which an engine sets to DROP."""
    return {family: policy_in(_run(f"{family}-save", "-t", "filter")) for family in FAMILIES}


def remove_engine(policies: dict[str, str], *, bridge: str) -> None:
    """Remove every chain of an engine's and every rule that speaks of its bridge; put the policies
    back. What others added meanwhile stays.
    """
    for family in FAMILIES:
        for table in TABLES:
            saved = _run(f"{family}-save", "-t", table)
            kept = without_engine(saved, policy=policies[family], bridge=bridge)
            if kept != saved:
                _run(f"{family}-restore", stdin=kept)


def policy_in(saved: str) -> str:
    """FORWARD's policy in what `iptables-save -t filter` says; the kernel's default if nothing."""
    for line in saved.splitlines():
        if line.startswith(":FORWARD "):
            return line.split()[1]
    return "ACCEPT"


def without_engine(saved: str, *, policy: str, bridge: str) -> str:
    """A saved table without an engine's chains (DOCKER and DOCKER-...) and rules.

    `policy` is FORWARD's in the table `filter`.
    """
    in_filter = "*filter" in saved.splitlines()
    kept = []
    for line in saved.splitlines():
        words = line.split()
        if any(word.removeprefix(":").split("-")[0] == "DOCKER" for word in words):
            continue
        if bridge in words:
            continue
        if in_filter and line.startswith(":FORWARD "):
            words[1] = policy
            line = " ".join(words)  # noqa: PLW2901 (the same line, mended)
        kept.append(line)
    return "".join(f"{line}\n" for line in kept)


def _run(*argv: str, stdin: str = "") -> str:
    """Its output; empty where the command or the table is missing: then nothing was added."""
    try:
        return output_of(argv, awaited="it to be done", timeout_s=_TIMEOUT_S, stdin=stdin)
    except CommandError:
        return ""
