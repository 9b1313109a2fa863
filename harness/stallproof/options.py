"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Profiles = Annotated[
    list[str] | None,
    typer.Option("--profile", help="Celery profile to judge; may be given several times."),
]
Folder = Annotated[
    Path | None,
    typer.Option("--scenarios", help="Folder of scenario files, in place of the project's own."),
]
Out = Annotated[Path | None, typer.Option(help="A new folder for the result.")]
