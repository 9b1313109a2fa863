"""Reports, each made from a stored run and nothing else.

    write_reports(Path("reports/2026-11-22-1"))  # junit.xml, report.md, ...

| file | what is in it |
|---|---|
| `store.py` | reads the folder that a run wrote |
| `timeline.py`, `drawing.py`, `svg.py` | one run's history as a drawing |
| `html.py`, `markdown.py`, `summary.py`, `junit.py`, `table.py` | one report each |
| `schema.py` | the JSON Schema of `run.json` |
| `words.py` | the words they share |
"""

from __future__ import annotations

from pathlib import Path

from stallproof.report.junit import junit_report
from stallproof.report.markdown import markdown_report
from stallproof.report.store import ReportError, load_results
from stallproof.report.summary import summary_report
from stallproof.report.words import redact

__all__ = ["ReportError", "load_results", "write_reports"]


def write_reports(root: Path) -> None:
    """Write `junit.xml`, `report.md`, `summary.md` and `report.html` into `root`.

    From what is stored there and nothing else: the same folder gives the same bytes.

    Raises:
        ReportError: there is no result in that folder, or a report cannot be written.
    """
    from stallproof.report.html import html_report  # noqa: PLC0415 (0.1 s: jinja2)

    results = load_results(root)
    reports = {
        "junit.xml": junit_report(results),
        "report.md": markdown_report(results),
        "summary.md": summary_report(results),
        "report.html": html_report(results, root),
    }
    for name, text in reports.items():
        try:
            (root / name).write_text(redact(text), encoding="utf-8")
        except OSError as error:
            raise ReportError(f"{root / name}: cannot be written: {error.strerror}") from None
