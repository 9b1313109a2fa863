"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stallproof.sites.choice import SITES

Profiles = Annotated[
    list[str] | None,
    typer.Option("--profile", help="Celery profile to judge; may be given several times."),
]
Folder = Annotated[
    Path | None,
    typer.Option("--scenarios", help="Folder of scenario files, in place of the project's own."),
]
Out = Annotated[Path | None, typer.Option(help="A new folder for the result.")]
SiteName = Annotated[
    str, typer.Option("--site", help=f"Where the system runs: {', '.join(SITES)}.")
]
Image = Annotated[str | None, typer.Option(help="The system's image, on a site of containers.")]
