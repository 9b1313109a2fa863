"""The Docker Engine: whether one answers, and which images it has."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import docker
import docker.errors
import requests
from testcontainers.core.docker_client import DockerClient

from stallproof.sites.base import SiteError

MAKE_IMAGES = "`make images` builds or pulls every image that a run needs"


def connect() -> docker.DockerClient:
    """A client of the engine that DOCKER_HOST, or the current Docker context, names.

    Raises:
        SiteError: none answers.
    """
    try:
        client = DockerClient().client
        client.ping()
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise SiteError(
            f"docker: no engine answers ({said_by(error)}): start one, or name it in DOCKER_HOST"
        ) from None
    return client


def version() -> str:
    """The engine's version.

    Raises:
        SiteError: none answers.
    """
    with contextlib.closing(connect()) as client:
        return str(client.version()["Version"])


def lacking(images: Sequence[str]) -> str | None:
    """Why runs with these images cannot be had at once, in a line; None: they can."""
    try:
        with contextlib.closing(connect()) as client:
            missing = absent(client, images)
    except SiteError as error:
        return str(error).removeprefix("docker: ")
    return f"not here: {', '.join(missing)}; {MAKE_IMAGES}" if missing else None


def absent(client: docker.DockerClient, images: Sequence[str]) -> list[str]:
    """Those of the images that the engine does not have."""
    missing = []
    for image in images:
        try:
            client.images.get(image)
        except docker.errors.ImageNotFound:
            missing.append(image)
    return missing


def make_present(client: docker.DockerClient, images: Sequence[str]) -> None:
    """Pull what the engine does not have.

    Raises:
        SiteError: one of them cannot be pulled.
    """
    for image in absent(client, images):
        try:
            client.images.pull(image)
        except (docker.errors.DockerException, requests.RequestException) as error:
            raise SiteError(
                f"docker: the image {image} is not here and cannot be pulled "
                f"({said_by(error)}): {MAKE_IMAGES}"
            ) from None


@contextlib.contextmanager
def explained(act: str) -> Iterator[None]:
    """Say in one line what the engine refused.

    Raises:
        SiteError: in place of whatever docker or testcontainers raise.
    """
    try:
        yield
    except (docker.errors.DockerException, requests.RequestException, TimeoutError) as error:
        raise SiteError(f"docker: cannot {act}: {said_by(error)}") from error


def said_by(error: BaseException) -> str:
    """What an error of the engine's or of the way to it says, in one line."""
    explanation = getattr(error, "explanation", None) or str(error) or type(error).__name__
    return " ".join(str(explanation).split())[:300]
