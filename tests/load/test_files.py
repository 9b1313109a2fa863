"""Shapes and thresholds from their files, and the one line that a bad file gets."""

from pathlib import Path

import pytest

from stallproof.load.files import LoadError, default_folder
from stallproof.load.shapes import read_shape
from stallproof.load.thresholds import Thresholds, read_thresholds

STEADY = "[one]\nrate_per_s = 1\nfor_s = 1\nstages = [{ share = 1, from = 1, to = 1 }]\n"


@pytest.mark.parametrize("name", ["steady", "ramp", "spike", "soak"])
def test_a_shape_stretches_without_bending(name: str) -> None:
    shape = read_shape(name)
    fast = shape.stretched(rate_per_s=20, for_s=30)
    assert fast.peak_per_s == 20 * shape.stories_each
    assert sum(stage.for_s for stage in fast.in_seconds) == pytest.approx(30)
    assert [stage.to_per_s for stage in fast.in_seconds] == [20 * part.to for part in shape.stages]


def test_a_spike_is_a_spike() -> None:
    spike = read_shape("spike").stretched(rate_per_s=50, for_s=50)
    times = spike.arrivals_s()
    assert sum(20 <= t < 30 for t in times) == 500
    assert sum(t < 20 for t in times) == 200


def test_a_shape_as_a_workload_has_the_same_arrivals() -> None:
    shape = read_shape("ramp").stretched(rate_per_s=30, for_s=10)
    assert shape.workload(task_s=0.05).arrivals_s() == shape.arrivals_s()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[one]\nrate_per_s = 0\nfor_s = 1\nstages = []\n", "rate_per_s"),
        (STEADY + "extra = 1\n", "extra"),
        (STEADY.replace("share = 1", "share = 'x'"), "share"),
        (STEADY.replace("share = 1", "share = 0"), "share"),
        ("[[[", "shapes.toml"),
        ("[two]\nrate_per_s = 1\n", "for_s"),
    ],
)
def test_a_bad_shape_file_gets_one_line_that_names_the_field(
    tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "shapes.toml"
    path.write_text(text)
    with pytest.raises(LoadError, match=says) as refused:
        read_shape("one", path=path)
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)


def test_an_unknown_shape_gets_the_names_of_those_there_are() -> None:
    with pytest.raises(LoadError, match="steady, ramp, spike, soak"):
        read_shape("square")


def test_a_shape_in_which_nobody_comes_is_refused() -> None:
    with pytest.raises(LoadError, match="no client"):
        read_shape("steady").stretched(rate_per_s=0.1, for_s=1).check_not_empty()


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(value: float) -> None:
    with pytest.raises(LoadError, match="--rate-per-s"):
        read_shape("steady").stretched(rate_per_s=value, for_s=None)


@pytest.mark.parametrize("name", ["thresholds.toml", "thresholds-during-faults.toml"])
def test_our_own_thresholds_allow_no_loss(name: str) -> None:
    assert read_thresholds(default_folder() / name).lost_stories == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "p95_accept_ms"),
        ("p95_accept = 1\n", "p95_accept"),
        ("error_rate = 2\n", "error_rate"),
        ("lost_stories = 0.5\n", "lost_stories"),
        ("drain_s = -1\n", "drain_s"),
        ("drain_s = \n", "thresholds.toml"),
    ],
)
def test_a_bad_threshold_file_gets_one_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "thresholds.toml"
    path.write_text(text)
    with pytest.raises(LoadError, match=says) as refused:
        read_thresholds(path)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="No such file"):
        read_thresholds(tmp_path / "none.toml")


def test_a_threshold_that_is_not_named_is_not_set(tmp_path: Path) -> None:
    path = tmp_path / "thresholds.toml"
    path.write_text("drain_s = 3\n")
    assert read_thresholds(path) == Thresholds(drain_s=3)
