"""`python -m storymimi`: run the role in SERVICE_TYPE, or show profiles and settings.

Exit code 2: the environment or the arguments are wrong, in one line on standard error.
"""

from __future__ import annotations

import json
import os
import sys
from typing import NoReturn

from storymimi.settings import BadSettingsError, get_settings

USAGE = "usage: python -m storymimi [profiles | settings NAME]"
ROLES = ("api", "worker")


def main() -> None:
    try:
        match sys.argv[1:]:
            case []:
                run_role()
            case ["profiles"]:
                show_profiles()
            case ["settings", name]:
                show_settings(name)
            case _:
                refuse(USAGE)
    except BadSettingsError as error:
        refuse(str(error))


def run_role() -> None:
    role = os.environ.get("SERVICE_TYPE", "")
    if role not in ROLES:
        refuse(f"SERVICE_TYPE must be one of {', '.join(ROLES)}; it is {role or 'not set'}")
    if role == "worker":
        from storymimi import worker  # noqa: PLC0415 (the other role's imports cost a second)

        worker.run()
        return
    import uvicorn  # noqa: PLC0415 (see above)

    from storymimi import log  # noqa: PLC0415
    from storymimi.api import app  # noqa: PLC0415

    log.set_up()
    uvicorn.run(
        app,
        host="0.0.0.0",  # noqa: S104 (Cloud Run's contract)
        port=get_settings().port,
        log_config=None,
        access_log=False,  # Cloud Run logs each request itself; a second line would cost as much
    )


def show_profiles() -> None:
    from storymimi.profiles import PROFILES  # noqa: PLC0415 (imports kombu)

    print(json.dumps(list(PROFILES)))  # noqa: T201 (this is its output)


def show_settings(name: str) -> None:
    from storymimi.configuration import as_json, configuration_of  # noqa: PLC0415 (imports kombu)

    settings = get_settings().model_copy(update={"storymimi_profile": name})
    print(json.dumps(as_json(configuration_of(settings)), indent=2))  # noqa: T201 (its output)


def refuse(line: str) -> NoReturn:
    """One line on standard error, exit code 2."""
    print(f"storymimi: {line}", file=sys.stderr)  # noqa: T201 (this is its output)
    sys.exit(2)


if __name__ == "__main__":
    main()
