import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.forensics import values
from tests.report import samples

from stallproof.forensics.words import connection
from stallproof.report import load_results, write_reports
from stallproof.report.words import sentence

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """What a reader gets: text, ids, links, headings; and whether every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.text += data

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.elements if name in attributes]

    def tags(self) -> list[str]:
        return [tag for tag, _ in self.elements]


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page((folder / "report.html").read_text())


def test_nothing_is_fetched(page: Page, folder: Path) -> None:
    assert page.attributes("src") == []
    links = page.attributes("href")
    assert links
    assert {link[0] for link in links} == {"#"}
    assert not {"link", "script", "iframe", "object", "img"} & set(page.tags())
    style = re.search(r"<style>(.*?)</style>", (folder / "report.html").read_text(), re.DOTALL)
    assert style is not None
    assert re.findall(r"url\((?!#)|@import", style[1]) == []


def test_every_link_leads_somewhere(page: Page) -> None:
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.attributes("href")} <= set(ids)
    for labelled in page.attributes("aria-labelledby"):
        assert labelled in ids


def test_the_answer_comes_first(page: Page) -> None:
    said = page.text.index("guide-int-keys and guide do not hold.")
    assert said < page.text.index("hardened is not proven to hold.")
    assert said < page.text.index("Scenario by scenario")
    assert "2 of 3 scenarios valid, in 11 of 12 runs." in page.text


def test_a_profile_that_holds_says_what_that_is_worth(tmp_path: Path) -> None:
    runs = [(samples.record(samples.IDLE, "p", samples.GOOD), samples.shrugs_off())] * 10
    samples.write(tmp_path, runs)
    write_reports(tmp_path)
    text = Page((tmp_path / "report.html").read_text()).text
    assert "p holds." in text
    assert "a failure rate of up to 28 % is not ruled out" in text


def test_every_result_has_its_section_and_its_cell(page: Page, folder: Path) -> None:
    results = load_results(folder).results
    articles = [a["id"] for tag, a in page.elements if tag == "article"]
    assert len(articles) == len(results)
    cells = [a["href"] for tag, a in page.elements if tag == "a" and "cell" in a.get("class", "")]
    assert sorted(cells) == sorted(f"#{article}" for article in articles)
    for result in results:
        scenario = result.runs[0].scenario
        for text in (
            scenario.title,
            scenario.on_cloud_run,
            scenario.guide_promises,
            scenario.must_hold,
            scenario.schedule.token,
        ):
            assert text in page.text


def test_every_finding_and_every_advice_is_there(page: Page, folder: Path) -> None:
    for result in load_results(folder).results:
        for finding in result.findings:
            assert sentence(finding.text) in page.text
        for run in result.runs:
            for advice in run.advice:
                assert advice in page.text


def test_expected_outcomes_are_held_against_what_came(page: Page) -> None:
    assert "Expected invalid by stalled and health: met." in page.text
    assert samples.RESTART.expected["guide-int-keys"].because in page.text
    assert "Expected to hold: not met." in page.text
    assert "Expected to hold: met in 10 of 10 runs." in page.text


def test_settings_versions_schedule_and_command(page: Page) -> None:
    assert "broker_transport_options.socket_timeout" in page.text
    assert "profiles.py:57" in page.text
    assert "celery5.7.0" in re.sub(r"\s", "", page.text)
    assert '"fault": "broker-restart"' in page.text
    command = "stallproof run idle-reset-worker --profile hardened --stack locked --site local"
    assert f"{command} --repeat 10" in page.text


def test_what_was_seized_is_told_thread_by_thread(page: Page) -> None:
    assert "Seized 17.5 s into the load, while work waited" in page.text
    for frame in (values.MUTE.at, *values.MUTE.under, values.POST.at):
        assert frame in page.text
    assert page.text.count(connection(values.DEAD)) == 2  # the sentence, and the thread's row
    assert f"Not to be had: conntrack: {samples.EVIL}" in page.text
    assert "forensics/stalled/worker-stacks.txt" in page.text


def test_a_log_line_is_text(page: Page, folder: Path) -> None:
    assert samples.EVIL in page.text
    assert "<script" not in (folder / "report.html").read_text()


def test_headings_go_down_a_step_at_a_time(page: Page) -> None:
    levels = [int(tag[1]) for tag in page.tags() if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    for before, after in itertools.pairwise(levels):
        assert after <= before + 1


def test_tables_and_drawings_speak(page: Page) -> None:
    for tag, attributes in page.elements:
        if tag == "th":
            assert attributes["scope"] in ("col", "row")
        if tag == "svg":
            assert attributes.get("role") == "img" or attributes.get("aria-hidden") == "true"
    drawings = sum(tag == "svg" and "role" in attributes for tag, attributes in page.elements)
    assert page.tags().count("desc") == drawings > 0


def test_no_run_at_all(tmp_path: Path) -> None:
    samples.write(tmp_path)
    write_reports(tmp_path)
    assert "Nothing was run." in Page((tmp_path / "report.html").read_text()).text


def test_thirty_runs_with_long_histories_stay_below_two_megabytes(tmp_path: Path) -> None:
    run = samples.record(samples.IDLE, "p", samples.LOST)
    group = [(run, samples.loses(stories=2000))] * 10
    samples.write(tmp_path, group, group, group)
    write_reports(tmp_path)
    assert (tmp_path / "report.html").stat().st_size < 2_000_000
    text = Page((tmp_path / "report.html").read_text()).text
    assert "120 of 2000 stories are drawn" in text


def test_many_runs_of_one_result_are_drawn_the_worst_first(tmp_path: Path) -> None:
    fine = (samples.record(samples.IDLE, "p", samples.GOOD), samples.shrugs_off())
    bad = (samples.record(samples.IDLE, "p", samples.LOST), samples.loses())
    samples.write(tmp_path, [*[fine] * 14, bad])
    write_reports(tmp_path)
    text = Page((tmp_path / "report.html").read_text()).text
    assert "Timeline run 15, invalid" in text
    assert "3 more runs not drawn" in text


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it, of #rgb or #rrggbb."""
    digits = colour if len(colour) == 6 else "".join(2 * digit for digit in colour)
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("front", "ground", "least"),
    [
        *((front, "ground", 4.5) for front in ("ink", "quiet", "link")),
        *((verdict, "ground", 4.5) for verdict in ("valid", "invalid", "unknown")),
        *((verdict, f"{verdict}-tint", 4.5) for verdict in ("valid", "invalid", "unknown")),
        *(("ink", f"{verdict}-tint", 4.5) for verdict in ("valid", "invalid", "unknown")),
        ("ink", "panel", 4.5),
        ("strip-ink", "strip", 4.5),
        *((mark, "ground", 3.0) for mark in ("wait", "work", "again")),
    ],
)
def test_contrast(folder: Path, theme: int, front: str, ground: str, least: float) -> None:
    blocks = re.findall(r":root \{(.*?)\}", (folder / "report.html").read_text(), re.DOTALL)
    colours = dict(re.findall(r"--([a-z-]+): #([0-9a-f]+)", blocks[theme]))
    darker, lighter = sorted(luminance(colours[name]) for name in (front, ground))
    assert (lighter + 0.05) / (darker + 0.05) >= least


def test_each_lost_story_bears_its_cause_and_what_shows_it(page: Page) -> None:
    assert "Accepted and not done: 3 popped and never registered" in page.text
    assert "by elimination popped over a connection" in page.text


def test_all_runs_are_summed_up(page: Page) -> None:
    assert "All runs together" in page.text
    assert "accepted stories lost in" in page.text
    assert "one after another: 13 % faults in force" in page.text
