"""`pytest scenarios`: a test for each scenario and profile, through the one engine.

    pytest scenarios --profile hardened --profile guide-int-keys --stallproof-jobs 4

A profile that holds passes. One whose outcome the scenario has on record (`expected`) passes
when it shows just that, and fails when it does not: a finding that is gone is news as well.
All selected scenarios are started together, so side by side costs no more than their sum allows.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stallproof import catalog
from stallproof.engine import run_all
from stallproof.expectations import UnexpectedError, compare
from stallproof.job import Job
from stallproof.model import Scenario
from stallproof.plan import choose_result_folder, make_jobs, make_result_folder
from stallproof.records import RunRecord
from stallproof.report import write_reports
from stallproof.sites.choice import LOCAL, SITES
from stallproof.wish import Wish


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("stallproof")
    group.addoption("--profile", action="append", default=[], help="Celery profile(s) to judge")
    group.addoption("--site", default=LOCAL, choices=SITES, help="where the system runs")
    group.addoption("--image", default=None, help="the system's image, on a site of containers")
    group.addoption("--stallproof-stack", default="locked", help="exact versions to run on")
    group.addoption("--stallproof-jobs", type=int, default=4, help="runs side by side")
    group.addoption("--stallproof-out", type=Path, default=None, help="folder for the result")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "recorded: the scenario has on record what this profile shows every time"
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the files of a `scenarios` folder as scenarios, not as modules of tests."""
    if file_path.suffix == ".py" and file_path.parent.name == "scenarios":
        return ScenarioFile.from_parent(parent, path=file_path)
    return None


class ScenarioFile(pytest.File):
    """One file of scenarios."""

    def collect(self) -> Iterator[ScenarioItem]:
        profiles = self.config.getoption("--profile") or ["hardened"]
        for scenario in catalog.load_file(self.path):
            for profile in profiles:
                yield ScenarioItem.from_parent(
                    self,
                    name=f"{scenario.name}[{profile}]",
                    scenario=scenario,
                    profile=profile,
                )


class ScenarioItem(pytest.Item):
    """One scenario under one profile."""

    def __init__(self, *, scenario: Scenario, profile: str, **kwargs: object) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type]  # pytest's own arguments
        self.scenario = scenario
        self.profile = profile
        for tag in scenario.tags:
            self.keywords[tag] = True
        on_record = scenario.expected.get(profile)
        if on_record is not None and not on_record.sometimes:
            self.add_marker("recorded")

    def runtest(self) -> None:
        record = self.session.stash[BATCH].record_of(self)
        compare(record)

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None
    ) -> str:
        """A finding is a sentence, not a stack."""
        if isinstance(excinfo.value, UnexpectedError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo, style))  # type: ignore[arg-type]

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, self.name


class Batch:
    """All selected scenarios, run together; each item waits for its own record."""

    def __init__(self, items: list[ScenarioItem], config: pytest.Config) -> None:
        self._items = items
        self._config = config
        self._records: dict[tuple[str, str], RunRecord] = {}
        self._change = threading.Condition()
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None

    def record_of(self, item: ScenarioItem) -> RunRecord:
        """Wait for the item's run; the first to ask starts them all."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run)
            self._thread.start()
        key = (item.scenario.name, item.profile)
        with self._change:
            self._change.wait_for(lambda: key in self._records or self._failure)
        if self._failure is not None:
            raise self._failure
        return self._records[key]

    def finish(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._run_all()
        except BaseException as error:  # noqa: BLE001  # handed to whoever waits
            with self._change:
                self._failure = error
                self._change.notify_all()

    def _run_all(self) -> None:
        option = self._config.getoption
        scenarios = {item.scenario.name: item.scenario for item in self._items}
        wish = Wish(
            scenarios=tuple(scenarios.values()),
            profiles=tuple(dict.fromkeys(item.profile for item in self._items)),
            stacks=(option("--stallproof-stack"),),
            site=option("--site"),
            image=option("--image"),
        )
        root = choose_result_folder(option("--stallproof-out"))
        wanted = {(item.scenario.name, item.profile) for item in self._items}
        jobs = [
            job
            for job in make_jobs(wish, root=root)
            if (job.request.scenario.name, job.request.spec.profile) in wanted
        ]
        root = make_result_folder(root)
        run_all(
            jobs,
            root=root,
            at_once=option("--stallproof-jobs"),
            on_progress=lambda _job, _progress: None,
            on_done=self._done,
        )
        write_reports(root)

    def _done(self, _job: Job, record: RunRecord) -> None:
        with self._change:
            self._records[record.scenario.name, record.profile] = record
            self._change.notify_all()


BATCH = pytest.StashKey[Batch]()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """What is selected is known now."""
    items = [item for item in session.items if isinstance(item, ScenarioItem)]
    session.stash[BATCH] = Batch(items, session.config)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let what was started end: its report is still to be written."""
    batch = session.stash.get(BATCH, None)
    if batch is not None:
        batch.finish()
