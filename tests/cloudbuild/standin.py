"""Stands in for `gcloud`, `docker` and `stallproof`: records each call and fails on demand.

A call whose text holds all words of a rule ends with the rule's code; -9 kills the calling step as
well, so that it writes nothing more. Answers what the real one would where a script reads it.
"""

# ruff: noqa: T201 (its output is its result)

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

SERVICE_URL = "https://storymimi-api-xyz.a.run.app"
FORMER_WORKER = "storymimi-worker-bformer00"
TOKEN = "header.secret.signature"
ANSWERS = {
    ("gcloud", "run", "services", "describe"): SERVICE_URL,
    ("gcloud", "run", "worker-pools", "describe"): FORMER_WORKER,
    ("gcloud", "auth", "print-identity-token"): TOKEN,
}
REPORT = "<h1>report</h1>"


def main() -> int:
    argv = sys.argv[1:]
    token = os.environ.get("STALLPROOF_IDENTITY_TOKEN", "")
    call = [os.environ["STANDIN_STEP"], argv, bool(token)]
    with Path(os.environ["STANDIN_RECORD"]).open("a") as record:
        record.write(json.dumps({"step": call[0], "argv": call[1], "token": call[2]}) + "\n")
    text = f"{call[0]}: {' '.join(argv)}"
    for words, code in json.loads(os.environ["STANDIN_RULES"]).items():
        if all(word in text for word in words.split()):
            if code == -signal.SIGKILL:
                os.kill(os.getppid(), signal.SIGKILL)
            _report(argv)
            return int(code)
    if argv[:2] == ["stallproof", "load"] and token != TOKEN:
        print("stallproof: --identity-token env: STALLPROOF_IDENTITY_TOKEN is not set")
        return 2
    _report(argv)
    for words, answer in ANSWERS.items():
        if tuple(argv[: len(words)]) == words:
            print(answer)
    return 0


def _report(argv: list[str]) -> None:
    if argv[0] == "stallproof":
        folder = Path(argv[argv.index("--out") + 1])
        folder.mkdir(parents=True)
        (folder / "report.html").write_text(REPORT)


if __name__ == "__main__":
    sys.exit(main())
