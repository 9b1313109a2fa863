"""Tables of the commands that run nothing: `list` and `doctor`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from stallproof.model import Scenario
from stallproof.parts import Row


def scenarios_table(scenarios: Sequence[Scenario]) -> Table:
    """One line a scenario: what it breaks and when."""
    drawn = Table()
    for heading in ("scenario", "what happens", "faults", "tags"):
        drawn.add_column(heading)
    for scenario in scenarios:
        faults = "\n".join(
            f"{step.at_s:g} s: {step.fault.describe()}"
            + (f" for {step.for_s:g} s" if step.for_s is not None else "")
            for step in scenario.schedule.steps
        )
        drawn.add_row(scenario.name, scenario.title, faults, ", ".join(scenario.tags))
    return drawn


def doctor_table(rows: Sequence[Row]) -> Table:
    """What was found, and what each missing part costs."""
    drawn = Table()
    for heading in ("part", "", "found", "without it"):
        drawn.add_column(heading)
    for row in rows:
        mark = "[green]ok[/]" if row.ok else "[red]missing[/]"
        drawn.add_row(row.part, mark, row.found, row.cost)
    return drawn
