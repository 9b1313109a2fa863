"""The page a release engineer reads: may it be deployed, what failed, why, what decides it."""

from __future__ import annotations

from stallproof.exits import Exit, exit_for
from stallproof.model import Verdict
from stallproof.records import Results, ScenarioResult
from stallproof.report.markdown import safe, together
from stallproof.report.words import (
    SIGN,
    advice,
    by_configuration,
    count,
    evidence,
    figures,
    interval_text,
    joined,
    k_of_n,
    not_valid,
    repeat_command,
    sentence,
)

ANSWER = {
    Exit.VALID: "✓ All of it holds",
    Exit.VIOLATED: "✗ Violated",
    Exit.INCONCLUSIVE: "? Inconclusive: no violation was seen, but not everything was judged",
    Exit.HARNESS: "? The harness failed: nothing is said about the system",
}


def summary_report(results: Results) -> str:
    """The whole document: the answer first, what does not hold, and last what does."""
    code = exit_for(results)
    failing = [r for r in results.results if r.verdict is Verdict.INVALID]
    unjudged = [r for r in results.results if r.verdict is Verdict.UNKNOWN]
    holding = [r for r in results.results if r.verdict is Verdict.VALID]
    parts = [f"# {ANSWER[code]} (exit code {code.value})", *_ground(results)]
    for heading, members in (("Violated", failing), ("Not judged", unjudged)):
        if members:
            parts += [f"## {heading}", *(part for result in members for part in _why(result))]
    if found := advice(results):
        lines = [f"- {safe(text)} {_seen_in(given)}" for text, given in found.items()]
        parts += ["## What decides it", "\n".join(lines)]
    parts += together(results)
    if holding:
        parts += [f"## Holds ({len(holding)})", _table(holding)]
    return "\n\n".join(parts) + "\n"


def _ground(results: Results) -> list[str]:
    lines = []
    for (profile, stack, site), members in by_configuration(results).items():
        said = [
            f"{sum(r.verdict is verdict for r in members)} {word}"
            for verdict, word in (
                (Verdict.INVALID, "violated"),
                (Verdict.UNKNOWN, "not judged"),
                (Verdict.VALID, "valid"),
            )
            if any(r.verdict is verdict for r in members)
        ]
        runs = count(sum(r.n for r in members), "run")
        lines.append(
            f"Profile **{safe(profile)}**, stack {safe(stack)}, site {safe(site)}: of "
            f"{count(len(members), 'scenario')} {joined(said)} ({runs})."
        )
    return lines


def _why(result: ScenarioResult) -> list[str]:
    named = f"{SIGN[result.verdict]} {safe(result.scenario)} with {safe(result.profile)}"
    share = f", not valid: {interval_text(result)}" if result.n > 1 else ""
    findings = [
        f"- **{safe(f.checker)}** {f.verdict}: {safe(sentence(f.text))}"
        for f in not_valid(result.findings)
    ]
    findings += [f"- {safe(text)}" for text in evidence(result)]
    return [
        f"### {named}: {k_of_n(result)} runs valid{share}",
        "\n".join(findings),
        f"Again: `{repeat_command(result)}`",
    ]


def _seen_in(given: list[ScenarioResult]) -> str:
    return f"({safe(joined([f'{r.scenario} with {r.profile}' for r in given]))})"


def _table(holding: list[ScenarioResult]) -> str:
    lines = [
        "| scenario | profile | valid | recovery | lost | twice |",
        "|---|---|---|---|---|---|",
    ]
    for result in holding:
        cells = (result.scenario, result.profile, k_of_n(result), *figures(*result.runs))
        lines.append(f"| {' | '.join(safe(cell) for cell in cells)} |")
    return "\n".join(lines)
