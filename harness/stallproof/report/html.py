"""The page: one file, no network, readable without scripts. Verdict first, evidence below."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jinja2
import msgspec

from stallproof.model import Verdict, worst
from stallproof.records import Results, ScenarioResult
from stallproof.report import together, words
from stallproof.report.views import ResultView, result_view


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """A profile on a stack on a site, over all its scenarios."""

    profile: str
    stack: str
    site: str
    verdict: Verdict
    text: str


def html_report(results: Results, root: Path) -> str:
    """The whole page."""
    views = [result_view(i, result, root) for i, result in enumerate(results.results)]
    scenarios: dict[str, list[ResultView]] = {}
    for view in views:
        scenarios.setdefault(view.result.scenario, []).append(view)
    configurations = [
        configuration(key, members) for key, members in words.by_configuration(results).items()
    ]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("stallproof.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["words"] = words
    environment.globals["together"] = together
    page = environment.get_template("report.html.j2").render(
        configurations=configurations,
        headline=headline(configurations),
        one_ground=len({(c.stack, c.site) for c in configurations}) == 1,
        cells={(r.scenario, r.profile, r.stack, r.site): v for v in views for r in (v.result,)},
        folder=Path(results.run_dir).name,
        scenarios=scenarios,
        tallies=results.tallies,
        time=together.time_text(results),
        advice=[
            (text, [v for v in views if any(v.result is result for result in given)])
            for text, given in words.advice(results).items()
        ],
    )
    return f"{page.rstrip()}\n"


def configuration(key: words.Configuration, members: Sequence[ScenarioResult]) -> Configuration:
    """How often a configuration held, and what that is worth."""
    verdict = worst(member.verdict for member in members)
    held = sum(member.verdict is Verdict.VALID for member in members)
    runs, valid = sum(m.n for m in members), sum(m.valid for m in members)
    text = (
        f"{held} of {words.count(len(members), 'scenario')} valid, "
        f"in {valid} of {words.count(runs, 'run')}. "
    )
    if verdict is Verdict.VALID:
        widest = max(members, key=lambda member: member.interval.high)
        text += (
            f"With {words.count(widest.n, 'run')} a scenario, a failure rate of up to "
            f"{words.percent(widest.interval.high)} is not ruled out "
            f"({words.percent(widest.interval.confidence)} interval)."
        )
    else:
        hardest = max(
            (member for member in members if member.verdict is verdict),
            key=lambda member: (member.interval.low, member.n),
        )
        text += (
            f"Hardest hit: {hardest.scenario}, {hardest.n - hardest.valid} of "
            f"{words.count(hardest.n, 'run')} not valid, {words.interval_text(hardest)}."
        )
    return Configuration(profile=key[0], stack=key[1], site=key[2], verdict=verdict, text=text)


def headline(configurations: Sequence[Configuration]) -> list[tuple[Verdict, str]]:
    """The answer in a sentence a verdict: which profiles hold, which do not, which nobody knows."""
    said = []
    for verdict, one, many in (
        (Verdict.VALID, "holds", "hold"),
        (Verdict.INVALID, "does not hold", "do not hold"),
        (Verdict.UNKNOWN, "is not proven to hold", "are not proven to hold"),
    ):
        names = list(dict.fromkeys(c.profile for c in configurations if c.verdict is verdict))
        if names:
            said.append((verdict, f"{words.joined(names)} {one if len(names) == 1 else many}."))
    return said
