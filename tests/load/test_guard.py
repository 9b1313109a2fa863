"""Whose target it is, and that a token goes nowhere but into a request."""

import stat
from pathlib import Path

import pytest

from stallproof.load.files import LoadError
from stallproof.load.identity import VARIABLE, Identity, TokenSource
from stallproof.load.shapes import Shape, read_shape
from stallproof.load.target import FOREIGN_MOST_PER_S, FOREIGN_MOST_S, check_target

FOREIGN = "https://192.0.2.1"
SMALL = read_shape("steady").stretched(rate_per_s=5, for_s=10)


def check(url: str, *, owned: bool = True, shape: Shape = SMALL, with_token: bool = False) -> None:
    check_target(url, owned=owned, shape=shape, with_token=with_token)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://127.9.9.9", "http://[::1]:80"])
def test_this_machine_needs_no_word(url: str) -> None:
    check(url, owned=False, shape=read_shape("steady").stretched(rate_per_s=9999, for_s=9999))


@pytest.mark.parametrize(
    "url", [FOREIGN, "http://10.0.0.1", "http://0.0.0.0", "http://nobody.invalid"]
)
def test_another_machine_needs_the_owners_word(url: str) -> None:
    with pytest.raises(LoadError, match="--i-own-this-target"):
        check(url, owned=False)
    check(url, owned=True)


@pytest.mark.parametrize(("rate", "for_s"), [(FOREIGN_MOST_PER_S + 1, 10), (5, FOREIGN_MOST_S + 1)])
def test_a_load_on_another_machine_is_bounded(rate: float, for_s: float) -> None:
    with pytest.raises(LoadError, match="at most"):
        check(FOREIGN, shape=read_shape("steady").stretched(rate_per_s=rate, for_s=for_s))


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://127.0.0.1", "http://", "/stories/"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(LoadError, match="http://"):
        check(url)


def test_a_password_in_the_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(LoadError, match="no user name") as refused:
        check("http://me:hunter2@127.0.0.1")
    assert "hunter2" not in str(refused.value)


def test_a_token_travels_encrypted() -> None:
    with pytest.raises(LoadError, match="https"):
        check("http://192.0.2.1", with_token=True)


def test_a_token_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "abc.def")
    assert Identity(TokenSource.ENV, audience=FOREIGN).headers() == {
        "Authorization": "Bearer abc.def"
    }
    assert Identity(None, audience=FOREIGN).headers() == {}


@pytest.mark.parametrize("token", ["", "two words"])
def test_no_token_is_one_line(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv(VARIABLE, token)
    with pytest.raises(LoadError, match="--identity-token env"):
        Identity(TokenSource.ENV, audience=FOREIGN).headers()


def test_a_token_from_gcloud_names_the_audience_and_falls_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gcloud = tmp_path / "gcloud"
    gcloud.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n'
        'case "$*" in *--audiences*) exit 1;; *) echo a.person;; esac\n'
    )
    gcloud.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    identity = Identity(TokenSource.GCLOUD, audience=FOREIGN)
    assert identity.headers() == identity.headers() == {"Authorization": "Bearer a.person"}
    assert (tmp_path / "calls").read_text().splitlines() == [
        f"auth print-identity-token --audiences={FOREIGN}",
        "auth print-identity-token",
    ]


def test_without_gcloud_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LoadError, match="no gcloud"):
        Identity(TokenSource.GCLOUD, audience=FOREIGN).headers()
