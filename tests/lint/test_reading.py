"""Readers: what they take for a command, a setting, a script, and on which line."""

from __future__ import annotations

import pytest

from stallproof.lint.model import Word
from stallproof.lint.reading import celery_config, cloudbuild, dockerfile, python, shell
from stallproof.lint.reading.command import Place, of_list, of_script
from stallproof.lint.reading.gcloud import deploy_of, positionals

from .asked import report_on, told


def commands_in(text: str) -> list[tuple[int, str]]:
    return [
        (each.line, " ".join(word.text for word in each.words))
        for each in of_script(text, Place.SHELL)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a 'b c' \\\n  \"d\"\ne", [(1, "a b c d"), (3, "e")]),
        ("a # it's\nb '#' c#d", [(1, "a"), (2, "b # c#d")]),
        ("a && b; c | d", [(1, "a"), (1, "b"), (1, "c"), (1, "d")]),
        ("cat > x <<'EOF'\nit's\nEOF\nb", [(1, "cat"), (4, "b")]),
        ("if x; then\n  exec sudo y -z\nfi", [(1, "x"), (2, "y -z"), (3, "fi")]),
        ("A=1 B='2 3' c $(d | e \"f\") g", [(1, "c $(d | e f) g")]),
        ("a -d '{\n  \"t\": 1\n}' b\nc", [(1, 'a -d {\n  "t": 1\n} b'), (4, "c")]),
        ("python3 -m celery -A x worker", [(1, "celery -A x worker")]),
        ("a 2>&1 >/dev/null b", [(1, "a 2 b")]),
        ("a $'it\\'s' b", [(1, "a $'it\\'s' b")]),
    ],
)
def test_shell_commands(text: str, expected: list[tuple[int, str]]) -> None:
    assert commands_in(text) == expected


def test_a_word_stands_where_it_begins() -> None:
    (simple,) = shell.simple_commands("a \\\n  b\\\nc \\\n  'd\ne' f")
    assert simple.words == (Word("a", 1), Word("bc", 2), Word("d\ne", 4), Word("f", 5))


def test_who_takes_the_shells_place() -> None:
    first, second, third = of_script("exec a\nb &\nc", Place.SHELL)
    assert (first.replaces, second.background, third.replaces) == (True, True, False)
    (inner,) = of_list([Word("sh", 3), Word("-c", 3), Word("exec celery worker", 4)])
    assert (inner.place, inner.replaces, inner.line) == (Place.SHELL_FORM, True, 4)


def test_a_deployed_worker_is_told_by_name_role_or_command() -> None:
    def is_worker(text: str) -> bool:
        (command,) = of_script(f"gcloud {text}", Place.SHELL)
        deploy = deploy_of(command)
        return deploy is not None and deploy.is_worker

    assert is_worker("run deploy x-worker")
    assert is_worker("beta run deploy --quiet --region r x --set-env-vars=A=1,SERVICE_TYPE=worker")
    assert is_worker("run deploy x --command=celery --args=-A,app,worker")
    assert not is_worker("run deploy workers-api --update-env-vars=SERVICE_TYPE=api")
    assert not is_worker("run jobs deploy x-worker")
    (command,) = of_script("gcloud --project p run deploy --async x", Place.SHELL)
    assert [word.text for word in positionals(command)] == ["run", "deploy", "x"]


def config(text: str) -> celery_config.CeleryConfig:
    found = celery_config.read(python.read(text))
    assert found is not None
    return found


@pytest.mark.parametrize(
    "text",
    [
        "app.conf.update(task_acks_late=True)",
        "app.conf.update({'task_acks_late': True})",
        "app.conf.update(**dict(task_acks_late=True))",
        "ON = True\nmore = {'task_acks_late': ON}\napp.conf.update({'x': 1} | more)",
        "app.conf.task_acks_late = True",
        "app.conf['task_acks_late'] = True",
        "class C:\n    task_acks_late = True\napp.config_from_object(C)",
        "broker_url = 'redis://'\ntask_acks_late = True",
        "CELERY_BROKER_URL = 'redis://'\nCELERY_TASK_ACKS_LATE = True",
        "BROKER_URL = 'redis://'\nCELERY_ACKS_LATE = True",
    ],
)
def test_a_setting_is_read_wherever_it_is_written(text: str) -> None:
    assert config(text).value("task_acks_late") is True


@pytest.mark.parametrize(
    "text",
    [
        "app = Celery()\napp.config_from_object('elsewhere')",
        "app = Celery()\napp.conf.update(**elsewhere)",
        "app = Celery()\napp.conf.update(make())",
        "more = {}\nmore['x'] = 1\napp.conf.update(more)",
        "CELERY_BROKER_URL = 'redis://'\nCELERY_TIMEZONE = 'UTC'",
    ],
)
def test_what_is_not_all_in_sight_is_not_complete(text: str) -> None:
    assert not config(text).complete


def test_options_that_are_changed_later_are_not_complete() -> None:
    text = "app.conf.broker_transport_options = {}\n"
    text += "app.conf.broker_transport_options['socket_timeout'] = 3"
    table = config(text).table("broker_transport_options")
    assert table is not None
    assert not table.complete


def test_a_name_that_is_bound_twice_stands_for_nothing() -> None:
    module = python.read("a = 60 * 60\nb = 1\nb = 2\n")
    values = [module.literal(python.read(n).tree.body[0].value) for n in "ab"]  # type: ignore[attr-defined]
    assert values == [3600, python.UNKNOWN]


def test_steps_of_a_build_become_commands_on_their_lines() -> None:
    text = """\
steps:
- name: gcr.io/cloud-builders/docker:1
  args: [push,
    x]
- name: google/cloud-sdk
  entrypoint: bash
  args:
  - -ceu
  - >
    gcloud run
    deploy y

    ls
- name: alpine
  script: |
    #!/bin/sh
    echo hi
- name: z
  args: up
"""
    build = cloudbuild.read(text)
    assert build is not None
    found = [(c.line, " ".join(w.text for w in c.words)) for c in build.commands()]
    assert found == [
        (3, "docker push x"),
        (10, "gcloud run deploy y"),
        (13, "ls"),
        (17, "echo hi"),
        (19, "up"),
    ]


def test_an_alias_that_holds_itself_is_read_once() -> None:
    build = cloudbuild.read("steps: &s\n- *s\n- {name: &n x, args: [*n, *n]}\n")
    assert build is not None
    assert [word.text for word in build.values()] == ["x"]


SCRIPTS = [
    "RUN echo '#!/bin/sh\\n\\\nset -e\\n\\\ncelery -A x worker\\n' > /s.sh",
    'RUN printf "#!/bin/sh\\nset -e\\n" > /s.sh\nRUN true\nCMD celery worker',
    "COPY <<EOF /s.sh\n#!/bin/bash\ncelery -A x worker\nEOF",
    "COPY <<'EOF' /s.sh\n#!/bin/bash\n\ncelery -A x worker\nEOF\nRUN echo 'a <<B'",
]


@pytest.mark.parametrize("text", SCRIPTS)
def test_a_script_written_in_a_dockerfile_is_read_on_its_lines(text: str) -> None:
    whole = f"FROM x\n{text}\n"
    image = dockerfile.read(whole)
    worker = next(each for each in image.commands() if each.is_celery_worker)
    assert worker.line == whole[: whole.index("celery ")].count("\n") + 1


@pytest.mark.parametrize(
    "run",
    [
        "RUN --mount=type=cache,target=/x --network=none \\\n  pip install 'celery==5.6.2'",
        "RUN --mount=type=cache,target=/x <<EOF\npip install 'celery==5.6.2'\nEOF",
    ],
)
def test_what_run_installs_is_read_behind_its_flags(run: str) -> None:
    found = told({"Dockerfile": f"FROM x\n{run}\n"})
    assert ("Dockerfile", 3, "celery-without-hub-reset") in found


def test_an_image_named_in_a_variable_is_seen() -> None:
    assert told({"x.sh": 'IMAGE="gcr.io/$P/x"\n'}) == [("x.sh", 1, "container-registry")]


def test_entrypoint_and_cmd_are_one_command() -> None:
    image = dockerfile.read('FROM x\nENTRYPOINT ["celery"]\nCMD ["-A", "x", "worker"]\n')
    (command,) = image.commands()
    assert command.is_celery_worker
    assert command.replaces


def test_a_script_named_by_the_image_is_what_it_starts_with() -> None:
    script = "#!/bin/sh\ncelery -A x worker\n"
    files = {"Dockerfile": 'FROM x\nCMD ["/app/go.sh"]\n', "go.sh": script, "start.sh": script}
    assert told(files) == [("go.sh", 2, "sigterm-stops-at-shell")]


def test_of_a_terminal_session_only_what_is_typed_counts() -> None:
    text = "```console\n$ gcloud \\\n  logs tail\ngcloud logs tail: it's wrong\n```\n"
    assert told({"guide.md": text}) == [("guide.md", 2, "gcloud-logs-tail")]


def test_a_block_in_a_list_keeps_its_lines() -> None:
    text = (
        "1. do\n\n   ```sh\n   ls\n   gcloud logs tail\n   ```\n\n```text\ngcloud logs tail\n```\n"
    )
    assert told({"guide.md": text}) == [("guide.md", 5, "gcloud-logs-tail")]


def test_other_yaml_in_a_guide_is_passed_over() -> None:
    report = report_on({"guide.md": "```yaml\nservices: {}\n```\n"})
    assert (report.findings, report.unreadable) == ((), ())
