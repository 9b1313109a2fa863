"""Identity tokens for private Cloud Run services. A token is in no argument, log or file.

Sources: https://cloud.google.com/run/docs/authenticating/service-to-service
https://cloud.google.com/sdk/gcloud/reference/auth/print-identity-token
"""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from enum import StrEnum

from stallproof.load.files import LoadError

VARIABLE = "STALLPROOF_IDENTITY_TOKEN"
METADATA = (
    "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity"
)
FRESH_S = 1800.0
"""Google's tokens hold for an hour: a long load fetches a new one well before."""
FETCH_DEADLINE_S = 20.0


class TokenSource(StrEnum):
    """Where an identity token comes from."""

    ENV = "env"
    """The variable STALLPROOF_IDENTITY_TOKEN; never renewed, so for loads of under an hour."""
    GCLOUD = "gcloud"
    METADATA = "metadata"


class Identity:
    """A token for one audience, renewed before it ends."""

    def __init__(self, source: TokenSource | None, *, audience: str) -> None:
        self._source = source
        self._audience = audience
        self._token = ""
        self._until = 0.0

    def headers(self) -> dict[str, str]:
        """What a request carries: nothing where no source was named.

        Raises:
            LoadError: no token was to be had; the text says from where, and holds none.
        """
        if self._source is None:
            return {}
        if time.monotonic() >= self._until:
            # First the next moment: others who ask meanwhile go on with the token there is.
            self._until = time.monotonic() + FRESH_S
            self._token = _fetch(self._source, self._audience)
        return {"Authorization": f"Bearer {self._token}"}


def _fetch(source: TokenSource, audience: str) -> str:
    ways = {
        TokenSource.ENV: lambda: os.environ.get(VARIABLE, ""),
        TokenSource.GCLOUD: lambda: _gcloud(audience),
        TokenSource.METADATA: lambda: _metadata(audience),
    }
    token = ways[source]().strip()
    if not token or any(character.isspace() for character in token):
        where = f"{VARIABLE} is not set" if source is TokenSource.ENV else "the answer is no token"
        raise LoadError(f"--identity-token {source}: {where}")
    return token


def _gcloud(audience: str) -> str:
    # A person's account takes no audience; a service account must name one.
    for options in ([f"--audiences={audience}"], []):
        try:
            done = subprocess.run(
                ["gcloud", "auth", "print-identity-token", *options],
                capture_output=True,
                text=True,
                timeout=FETCH_DEADLINE_S,
                check=False,
            )
        except FileNotFoundError:
            raise LoadError("--identity-token gcloud: there is no gcloud on the path") from None
        except subprocess.TimeoutExpired:
            raise LoadError(
                f"--identity-token gcloud: no answer within {FETCH_DEADLINE_S:g} s"
            ) from None
        if done.returncode == 0:
            return done.stdout
    raise LoadError(
        f"--identity-token gcloud: gcloud auth print-identity-token ended with {done.returncode}; "
        "is somebody logged in?"
    )


def _metadata(audience: str) -> str:
    query = urllib.parse.urlencode({"audience": audience})
    request = urllib.request.Request(  # noqa: S310 (http to the metadata server, as Google says)
        f"{METADATA}?{query}", headers={"Metadata-Flavor": "Google"}
    )
    try:
        with urllib.request.urlopen(request, timeout=FETCH_DEADLINE_S) as answer:  # noqa: S310 (ditto)
            return str(answer.read().decode())
    except (urllib.error.URLError, OSError) as error:
        raise LoadError(
            f"--identity-token metadata: the metadata server did not answer ({error}); "
            "it is there on Google Cloud only"
        ) from None
