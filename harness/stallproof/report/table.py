"""The end of a run on the terminal: a table a person understands, and what to try next."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from stallproof.model import Verdict
from stallproof.records import Results, ScenarioResult
from stallproof.report.together import again_text, lost_text, time_text
from stallproof.report.words import (
    SIGN,
    advice,
    count,
    evidence,
    figures,
    k_of_n,
    not_valid,
    pace,
    repeat_command,
    sentence,
)

STYLE = {Verdict.VALID: "green", Verdict.UNKNOWN: "yellow", Verdict.INVALID: "bold red"}


def summary(results: Results) -> RenderableType:
    """Everything the terminal shows at the end: the table, why, and what to try next."""
    parts: list[RenderableType] = [verdict_table(results)]
    if reasons := [reason(r) for r in results.results if r.verdict is not Verdict.VALID]:
        parts += [Text(), *reasons]
    parts += [Text(), *together(results)]
    if (following := next_step(results)) is not None:
        parts += [Text(), following]
    return Group(*parts)


def together(results: Results) -> list[RenderableType]:
    """What all runs come to, by profile, and what the time went to."""
    several = len({(tally.stack, tally.site) for tally in results.tallies}) > 1
    parts: list[RenderableType] = []
    for tally in results.tallies:
        ground = f" on {tally.stack}, {tally.site}" if several else ""
        said = f": {lost_text(tally)} {sentence(again_text(tally))}"
        parts.append(Text.assemble((tally.profile, "bold"), ground, said))
    if parts:
        parts.append(Text.assemble(("Time", "bold"), f": {time_text(results)}"))
    return parts


def verdict_table(results: Results) -> Table:
    """One line a result: how often it held, how fast it recovered, what it lost or did twice."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    stacks = len({result.stack for result in results.results}) > 1
    table.add_column("scenario", overflow="fold")
    table.add_column("profile", overflow="fold")
    if stacks:
        table.add_column("stack", overflow="fold")
    for name in ("valid", "recovery", "lost", "twice"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for result in results.results:
        cells = [Text(result.scenario), Text(result.profile)]
        cells += [Text(result.stack)] if stacks else []
        cells += [Text(cell) for cell in (k_of_n(result), *figures(*result.runs))]
        table.add_row(*cells, verdict_text(result.verdict).append(_speed(result), style="dim"))
    return table


def _speed(result: ScenarioResult) -> str:
    return f", {pace(result)}" if pace(result) else ""


def verdict_text(verdict: Verdict) -> Text:
    return Text(f"{SIGN[verdict]} {verdict}", style=STYLE[verdict])


def reason(result: ScenarioResult) -> RenderableType:
    """Why a result is not valid: its worst finding, in words."""
    head = Text.assemble(
        (f"{SIGN[result.verdict]} {result.scenario}", STYLE[result.verdict]),
        f" with {result.profile}",
    )
    findings = not_valid(result.findings)
    if not findings:
        return Group(head, Padding(Text("No checker said why."), (0, 0, 0, 2)))
    text = Text(sentence(findings[0].text))
    if len(findings) > 1:
        text.append(f" (and {count(len(findings) - 1, 'finding')} more)", style="dim")
    if seized := evidence(result):
        text.append(f"\n{seized[0]}")
    return Group(head, Padding(text, (0, 0, 0, 2)))


def next_step(results: Results) -> RenderableType | None:
    """What to change, or else how to repeat what has no verdict; None when all is well."""
    if found := advice(results):
        text, _ = next(iter(found.items()))
        more = f" ({len(found) - 1} more in the report)" if len(found) > 1 else ""
        return Text.assemble(("Next: ", "bold"), text, (more, "dim"))
    for result in results.results:
        if result.verdict is not Verdict.VALID:
            return Text.assemble(("Next: ", "bold"), repeat_command(result))
    return None
