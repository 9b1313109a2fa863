"""The published guide to the letter, and the same files put right."""

from __future__ import annotations

import pytest

from .asked import folder, told

GUIDE = [
    ("Dockerfile", 2, "runs-as-root"),
    ("Dockerfile", 33, "asgi-under-wsgi"),
    ("celery_app.py", 11, "broker-retry-on-timeout"),
    ("celery_app.py", 12, "broker-retries-ignored"),
    ("celery_app.py", 18, "keepalive-string-keys"),
    ("celery_app.py", 23, "broker-socket-timeout"),
    ("celery_app.py", 46, "visibility-timeout-default"),
    ("celery_app.py", 48, "track-started-on-backend"),
    ("celery_app.py", 57, "backend-options-ignored"),
    ("cloudbuild.yaml", 2, "build-timeout-unstated"),
    ("cloudbuild.yaml", 5, "container-registry"),
    ("cloudbuild.yaml", 9, "container-registry"),
    ("cloudbuild.yaml", 18, "container-registry"),
    ("cloudbuild.yaml", 46, "container-registry"),
    ("cloudbuild.yaml", 55, "worker-request-timeout"),
    ("cloudbuild.yaml", 56, "worker-cpu-throttled"),
    ("cloudbuild.yaml", 69, "secrets-unused"),
    ("deploy.sh", 2, "container-registry"),
    ("deploy.sh", 5, "container-registry"),
    ("deploy.sh", 9, "container-registry"),
    ("deploy.sh", 25, "container-registry"),
    ("deploy.sh", 34, "worker-request-timeout"),
    ("deploy.sh", 35, "worker-cpu-throttled"),
    ("monitor.sh", 2, "gcloud-logs-tail"),
    ("monitor.sh", 5, "gcloud-logs-tail"),
    ("worker_with_health.py", 17, "health-always-ok"),
    ("worker_with_health.py", 56, "no-soft-shutdown"),
    ("worker_with_health.py", 56, "worker-main-no-subcommand"),
]
LANGUAGES = {"py": "python", "sh": "bash", "yaml": "yaml", "Dockerfile": "dockerfile"}


def test_the_guide_has_exactly_these_findings() -> None:
    assert told(folder("guide")) == GUIDE


def test_a_markdown_guide_has_the_same_at_its_own_lines() -> None:
    text, shift = "# A guide\n\nCPU always allocated, with `--cpu-throttling`.\n", {}
    for name, content in folder("guide").items():
        text += f"\n## {name}\n\n```{LANGUAGES[name.rpartition('.')[2]]}\n"
        shift[name] = text.count("\n")
        text += f"{content}```\n"
    expected = sorted((shift[name] + line, rule) for name, line, rule in GUIDE)
    assert [(line, rule) for _, line, rule in told({"guide.md": text})] == expected


def test_the_corrected_files_have_no_finding() -> None:
    assert told(folder("corrected")) == []


@pytest.mark.parametrize("name", sorted(folder("corrected")))
def test_nor_has_each_of_them_alone(name: str) -> None:
    assert told({name: folder("corrected")[name]}) == []
