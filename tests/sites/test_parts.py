"""Finding binaries: which one wins, and that a broken one is one clear line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stallproof import parts, toxiproxy_build
from stallproof.sites.base import SiteError


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_broker_that_comes_along_is_found() -> None:
    found = parts.find_broker()
    assert Path(found.path).is_file()
    assert found.version[0].isdigit()


def test_an_explicit_binary_wins(tmp_path: Path) -> None:
    own = script(tmp_path / "own", "echo Redis server v=7.0.15 sha=0")
    assert parts.find_broker(str(own)) == parts.Part(name="broker", path=str(own), version="7.0.15")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo cannot load libssl >&2; exit 127", "cannot load libssl"),
        ("exit 3", "it exited with 3"),
    ],
)
def test_a_broken_binary_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    broken = script(tmp_path / "broken", text)
    with pytest.raises(SiteError, match=f"{broken} does not run: {said}$"):
        parts.find_toxiproxy(str(broken))


def test_a_path_that_is_no_binary_is_named(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="nothing-here"):
        parts.find_broker(str(tmp_path / "nothing-here"))


def test_path_before_cache_before_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(SiteError, match="none built yet"):
        parts.find_toxiproxy(build=False)
    cached = toxiproxy_build.cache_dir() / f"toxiproxy-{toxiproxy_build.VERSION}"
    cached.mkdir(parents=True)
    script(cached / "toxiproxy-server", "echo toxiproxy-server version 2.12.0")
    assert parts.find_toxiproxy(build=False).path == str(cached / "toxiproxy-server")
    on_path = script(tmp_path / "bin" / "toxiproxy-server", "echo version 2.9.9")
    assert parts.find_toxiproxy().path == str(on_path)


def test_a_failed_build_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # Read-only folders, as Go leaves them, must not stop the cleaning up.
    fake_go = 'mkdir -p "$GOPATH/pkg"; touch "$GOPATH/pkg/x"; chmod 555 "$GOPATH/pkg"'
    go = script(tmp_path / "go", f"{fake_go}; echo dial: no route >&2; exit 1")
    monkeypatch.setattr(toxiproxy_build, "find_go", lambda: str(go))
    with pytest.raises(SiteError, match=r"could not be built: dial: no route$"):
        toxiproxy_build.build_toxiproxy()
    assert [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()] == ["lock"]


def test_the_doctor_says_what_is_missing_and_what_that_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    rows = {row.part: row for row in parts.doctor()}
    parts_of_a_run = (
        "namespaces",
        "broker",
        "toxiproxy",
        "go",
        "compiler",
        "py-spy",
        "uv",
        "python",
    )
    assert set(rows) == {*parts_of_a_run, "docker", "images", "compose"}
    assert not rows["toxiproxy"].ok
    assert "latency" in rows["toxiproxy"].cost
    assert not rows["docker"].ok
    assert "no engine answers" in rows["docker"].found
    assert not rows["images"].ok
    assert rows["broker"].ok
    assert rows["broker"].cost == ""
