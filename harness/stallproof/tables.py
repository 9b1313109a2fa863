"""Tables of the commands that run no scenario: `list`, `doctor` and `clock`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from stallproof.model import Scenario
from stallproof.parts import Row

if TYPE_CHECKING:
    from stallproof.clock.table import Seen


def scenarios_table(scenarios: Sequence[Scenario]) -> Table:
    """One line a scenario: what it breaks and when."""
    drawn = Table()
    for heading in ("scenario", "what happens", "faults", "tags"):
        # A name is there to be typed.
        drawn.add_column(heading, no_wrap=heading == "scenario", overflow="fold")
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


def clock_table(found: Sequence[Seen]) -> Table:
    """Asked against seen, one line a wait and speed; what is not right stands out."""
    drawn = Table()
    for heading in ("wait", "speed", "asked s", "seen s", "really s"):
        drawn.add_column(heading, justify="left" if heading == "wait" else "right")
    for seen in found:
        figures = (f"{seen.asked_s:g}", f"{seen.seen_s:.2f}", f"{seen.real_s:.3f}")
        style = "" if seen.right else "bold red"
        drawn.add_row(seen.wait, str(seen.speed), *figures, style=style)
    return drawn
