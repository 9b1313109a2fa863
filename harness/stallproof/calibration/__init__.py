"""Calibration: what each fault really does to a bare client, read from the wire.

row.py       what a row is, and which clients see something of it
rows.py      the faults, one row each, and which of them are two versions of one thing
instancerows.py  the same of the lifecycle plane
seen.py      what one trial saw: the values
trial.py     one fault once: clients opened, the fault, what each of them saw
  clients.py   bare clients of the broker
  broker.py    the broker's side of them
instance.py  one fault of an instance once
  place.py     the instance that it strikes, with what it begins with
  visitors.py  bare clients of its port
  watching.py  its connections, its process, its consumer
wires.py     what a bare socket shows, in a word
inside.py    the trials of rows, in a run of their own
run.py       all rows side by side, and whether they agree with themselves
document.py  the tables: docs/CALIBRATION.md
"""

from __future__ import annotations

from collections.abc import Sequence

from stallproof.calibration.document import markdown
from stallproof.calibration.row import Row
from stallproof.calibration.rows import ROWS
from stallproof.calibration.run import Measured, measure
from stallproof.exits import Exit

__all__ = [
    "CalibrationError",
    "Measured",
    "exit_code",
    "markdown",
    "measure",
    "problems",
    "rows_called",
]


class CalibrationError(ValueError):
    """What was asked for cannot be calibrated: one line."""


def rows_called(names: Sequence[str]) -> list[Row]:
    """Those rows, or all of them.

    Raises:
        CalibrationError: there is none of that name.
    """
    known = {row.name: row for row in ROWS}
    for name in names:
        if name not in known:
            raise CalibrationError(f"no row {name!r}; there are: {', '.join(known)}")
    return [known[name] for name in names] or list(ROWS)


def problems(measured: Sequence[Measured]) -> list[str]:
    """A line for each row that was not measured, did not bite, or does not agree with itself."""
    lines = []
    for each in measured:
        if each.lacking:
            lines.append(f"{each.row.name}: not measured, needs {', '.join(each.lacking)}")
            continue
        if not each.bit:
            lines.append(f"{each.row.name}: did not bite: {each.proof}")
        lines += [
            f"{each.row.name}: {probe} saw {' or '.join(seen)} in {each.n} trials"
            for probe, seen in each.outcomes.items()
            if len(seen) > 1
        ]
    return lines


def exit_code(measured: Sequence[Measured]) -> Exit:
    """Violated: one did not bite, or trials do not agree. Inconclusive: one was not measured."""
    done = [each for each in measured if not each.lacking]
    if any(not each.bit or not each.agrees for each in done):
        return Exit.VIOLATED
    return Exit.VALID if len(done) == len(measured) else Exit.INCONCLUSIVE
