"""Reads a stored result back: the folder that a run wrote, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from stallproof.history import History, HistoryError
from stallproof.records import Results, RunRecord
from stallproof.results import summarize


class ReportError(Exception):
    """A report cannot be made: one line saying what, where, and what would be right."""


class Stored(msgspec.Struct, frozen=True):
    """What is left of a run's history, and what is missing from it."""

    history: History
    note: str | None = None
    """In words, why there is less than a whole history; None when it reads to its end."""


def load_results(root: Path) -> Results:
    """The result stored in `root`; the folder of a single run is wrapped into one.

    Raises:
        ReportError: there is no result in that folder, or it cannot be read.
    """
    path = root / "run.json"
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise ReportError(
            f"{root}: no run.json there; give the folder of a result or of one of its runs"
        ) from None
    except OSError as error:
        raise ReportError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        document: Any = msgspec.json.decode(text)
        if not isinstance(document, dict) or not {"results", "scenario"} & document.keys():
            raise ReportError(
                f"{path}: neither a result (it would have `results`) nor a run (`scenario`)"
            )
        if "results" in document:
            results = msgspec.json.decode(text, type=Results)
        else:
            results = wrap(msgspec.json.decode(text, type=RunRecord), root)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ReportError(f"{path}: not a stored result of this version: {error}") from None
    for result in results.results:
        for run in result.runs:
            run_folder(root, run)
    return results


def wrap(run: RunRecord, root: Path) -> Results:
    """A single run as a result of one: its folder is the root itself."""
    return summarize([msgspec.structs.replace(run, dir="")], run_dir=root.name)


def run_folder(root: Path, run: RunRecord) -> Path:
    """Where a run's own files lie.

    Raises:
        ReportError: the stored path leads out of the result's folder.
    """
    folder = (root / run.dir).resolve()
    if not folder.is_relative_to(root.resolve()):
        raise ReportError(
            f"{root / 'run.json'}: the run folder {run.dir!r} lies outside; "
            "it must be a path below the result's own folder"
        )
    return folder


def read_history(folder: Path) -> Stored:
    """A run's history, as far as it goes: a report of half a history beats none."""
    path = folder / "history.jsonl"
    try:
        history = History.read(path)
    except FileNotFoundError:
        return Stored(History([]), "No history was stored with this run.")
    except (HistoryError, OSError, UnicodeDecodeError) as error:
        said = str(error).removeprefix(f"{path}:")
        return Stored(History([]), f"The stored history cannot be read (history.jsonl:{said}).")
    if not history.events:
        return Stored(history, "The stored history is empty.")
    if not path.read_bytes().endswith(b"\n"):
        return Stored(history, "The stored history breaks off in the middle of its last line.")
    return Stored(history)
