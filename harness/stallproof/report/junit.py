"""JUnit XML: a suite per profile, stack and site, a case per scenario. Unknown is never green."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from stallproof.model import Verdict
from stallproof.records import Results, ScenarioResult
from stallproof.report.words import (
    by_configuration,
    evidence,
    expectation_text,
    interval_text,
    k_of_n,
    not_valid,
    pace,
    repeat_command,
)

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_report(results: Results) -> str:
    """The whole document. An invalid result is a failure, an unknown one an error."""
    root = ET.Element("testsuites", {"name": "stallproof", **_totals(results.results)})
    for (profile, stack, site), members in by_configuration(results).items():
        suite = ET.SubElement(
            root,
            "testsuite",
            {"name": _clean(f"{profile} / {stack} / {site}"), **_totals(members)},
        )
        if stamp := min((run.started_at for m in members for run in m.runs), default=""):
            suite.set("timestamp", _clean(stamp))
        for member in members:
            suite.append(_case(member))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _totals(members: tuple[ScenarioResult, ...] | list[ScenarioResult]) -> dict[str, str]:
    verdicts = [member.verdict for member in members]
    return {
        "tests": str(len(members)),
        "failures": str(verdicts.count(Verdict.INVALID)),
        "errors": str(verdicts.count(Verdict.UNKNOWN)),
        "skipped": "0",
        "time": f"{sum(run.seconds for member in members for run in member.runs):.3f}",
    }


def _case(result: ScenarioResult) -> ET.Element:
    case = ET.Element(
        "testcase",
        name=_clean(result.scenario),
        classname=_clean(f"stallproof.{result.site}.{result.profile}"),
        time=f"{sum(run.seconds for run in result.runs):.3f}",
    )
    properties = ET.SubElement(case, "properties")
    for name, value in (
        ("valid", k_of_n(result)),
        ("share of runs that were not valid", interval_text(result)),
        *([("speed", pace(result))] if pace(result) else []),
        ("expected", expectation_text(result)),
        ("repeat", repeat_command(result)),
    ):
        ET.SubElement(properties, "property", name=name, value=_clean(value))
    if result.verdict is not Verdict.VALID:
        findings = not_valid(result.findings)
        message = findings[0].text if findings else "no checker said why"
        if pace(result):
            message = f"{message} ({pace(result)})"
        kind = "failure" if result.verdict is Verdict.INVALID else "error"
        problem = ET.SubElement(case, kind, type=result.verdict, message=_clean(message))
        lines = [f"{f.checker}: {f.verdict}: {f.text}" for f in findings]
        lines += evidence(result)
        problem.text = _clean("\n".join([*lines, f"valid in {k_of_n(result)} runs"]))
    return case


def _clean(text: str) -> str:
    """Without the characters that XML 1.0 cannot hold (escape codes in a log line, say)."""
    return _NOT_XML.sub("\ufffd", text)
