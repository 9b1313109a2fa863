"""Markdown for a pull request's comment or a CI summary: verdicts, what is wrong, what to do."""

from __future__ import annotations

import re

from stallproof.model import Verdict
from stallproof.records import Results, ScenarioResult
from stallproof.report.together import again_text, lost_text, time_text
from stallproof.report.words import (
    HOLDS,
    SIGN,
    advice,
    by_configuration,
    count,
    evidence,
    expectation_text,
    interval_text,
    joined,
    k_of_n,
    not_valid,
    paced,
    repeat_command,
    sentence,
)


def markdown_report(results: Results) -> str:
    """The whole document."""
    parts = ["# stallproof", headline(results), *_matrix(results), *_findings(results)]
    parts += together(results)
    if found := advice(results):
        parts.append("## What to change")
        parts.append("\n".join(f"- {safe(text)} {_of(given)}" for text, given in found.items()))
    return "\n\n".join(parts) + "\n"


def together(results: Results) -> list[str]:
    """What all runs come to, by profile, and what the time went to."""
    if not results.tallies:
        return []
    lines = [
        f"- **{safe(tally.profile)}** ({safe(tally.stack)}, {safe(tally.site)}): "
        f"{safe(lost_text(tally))} {safe(sentence(again_text(tally)))}"
        for tally in results.tallies
    ]
    return ["## All runs together", "\n".join([*lines, f"- Time: {time_text(results)}"])]


def headline(results: Results) -> str:
    verdicts = [result.verdict for result in results.results]
    if not verdicts:
        return "**Nothing was run.**"
    said = [
        f"{verdicts.count(verdict)} {verdict}"
        for verdict in (Verdict.INVALID, Verdict.UNKNOWN, Verdict.VALID)
        if verdict in verdicts
    ]
    return f"**{joined(said)}**, of {count(len(verdicts), 'result')} (scenario by configuration)."


def _matrix(results: Results) -> list[str]:
    if not results.results:
        return []
    columns = list(by_configuration(results))
    stacks = len({column[1:] for column in columns}) > 1
    heads = [
        f"{safe(p)}<br>{safe(f'{s}, {site}')}" if stacks else safe(p) for p, s, site in columns
    ]
    lines = [_row("scenario", *heads), _row(*["---"] * (len(columns) + 1))]
    by_key = {(r.scenario, r.profile, r.stack, r.site): r for r in results.results}
    for scenario in dict.fromkeys(r.scenario for r in results.results):
        cells = [by_key.get((scenario, *column)) for column in columns]
        lines.append(_row(safe(scenario), *("" if r is None else _cell(r) for r in cells)))
    return ["\n".join(lines)]


def _cell(result: ScenarioResult) -> str:
    return paced(f"{SIGN[result.verdict]} {HOLDS[result.verdict]}, {k_of_n(result)} valid", result)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _findings(results: Results) -> list[str]:
    parts = []
    for result in results.results:
        if result.verdict is Verdict.VALID:
            continue
        lines = [
            f"### {SIGN[result.verdict]} {safe(result.scenario)} with {safe(result.profile)}",
            f"{paced(f'{k_of_n(result)} runs valid', result)}.",
            f"Share not valid: {interval_text(result)}.",
            safe(expectation_text(result)),
        ]
        findings = not_valid(result.findings)
        lines += [
            "\n".join(
                f"- **{safe(f.checker)}** {f.verdict}: {safe(sentence(f.text))}" for f in findings
            )
        ]
        if seized := evidence(result):
            lines += ["Where it waited:", "\n".join(f"- {safe(text)}" for text in seized)]
        lines += [f"```sh\n{repeat_command(result)}\n```"]
        parts += [line for line in lines if line]
    return ["## What does not hold", *parts] if parts else []


def _of(given: list[ScenarioResult]) -> str:
    return f"({safe(joined([f'{r.scenario} with {r.profile}' for r in given]))})"


def safe(text: str) -> str:
    """Text that Markdown takes as text: no tags, no table breaks, no emphasis by accident."""
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*\[\]|~]|(?<!\w)_|_(?!\w))", r"\\\1", flat)
