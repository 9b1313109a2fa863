"""Toxiproxy's HTTP API, with what toxiproxy-python 0.1.1 lacks.

That package keeps host and port on a class (one server a process), sends no timeout, and lets
a 500 pass for a success. Its transport and its exceptions serve; this module binds them to one
server, gives every call a deadline, and undoes what a hanging removal leaves behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec
import requests
from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from stallproof.sites.base import Address, SiteError
from stallproof.sites.proxies import PROXY, ProxyState, ToxicSpec

DEADLINE_S = 3.0
"""For one API call. Toxiproxy answers in milliseconds; the slowest honest removal is that of a
`reset_peer`, which sleeps its own timeout out first (toxics/reset_peer.go)."""

NO_PROXIES = {"http": "", "https": "", "all": ""}
"""The API is on this host: an `http_proxy` in the environment is not meant for it."""


class ToxiproxyError(SiteError):
    """Toxiproxy refused, or did not answer in time. One line: what was asked, what was seen."""


class ToxiproxyClient:
    """One Toxiproxy server. Blocking; safe to use from several threads."""

    def __init__(self, control: Address, *, deadline_s: float = DEADLINE_S) -> None:
        # A class of its own for each server, because the package reads host and port from one.
        bound = {"host": control.host, "port": control.port}
        self._api: type[APIConsumer] = type("BoundConsumer", (APIConsumer,), bound)
        self._deadline_s = deadline_s

    def version(self) -> str:
        """What the server says it is.

        Raises:
            ToxiproxyError: no answer in time.
        """
        return self._call(self._api.get, "/version").text

    def populate(self, proxies: Iterable[ProxyState]) -> None:
        """Make these proxies.

        Raises:
            ToxiproxyError: it refused one, or did not answer in time.
        """
        self._call(self._api.post, "/populate", json=[proxy.bare() for proxy in proxies])

    def proxy(self, name: str) -> ProxyState:
        """What the proxy is now.

        Raises:
            ToxiproxyError: no such proxy, or no answer in time.
        """
        answer = self._call(self._api.get, f"/proxies/{name}")
        return PROXY.decode(answer.content)

    def add_toxic(self, proxy: str, toxic: ToxicSpec) -> bool:
        """False: a toxic of that name was there already, and stays as it is.

        Raises:
            ToxiproxyError: no such proxy, attributes it does not take, or no answer in time.
        """
        try:
            self._call(self._api.post, f"/proxies/{proxy}/toxics", json=msgspec.to_builtins(toxic))
        except ToxiproxyError as error:
            if isinstance(error.__cause__, ProxyExists):  # what the package makes of any 409
                return False
            raise
        return True

    def remove_toxic(self, proxy: str, toxic: str) -> Literal["removed", "absent", "recreated"]:
        """Remove it. Established connections live on, unless the answer is `recreated`.

        A removal hangs for good when the toxic cannot be interrupted, for instance while it
        writes to a client that does not read (Shopify/toxiproxy issue 558): it holds the
        proxy's lock meanwhile, so that the proxy is of no more use to anybody. Then the proxy
        is deleted and made anew with its other toxics; its connections close.

        Raises:
            ToxiproxyError: that did not work either: a client connected during the hang, which
                leaves the whole of that Toxiproxy stuck until it is started again.
        """
        before = self.proxy(proxy)
        if toxic not in (found.name for found in before.toxics):
            return "absent"
        try:
            self._call(self._api.delete, f"/proxies/{proxy}/toxics/{toxic}")
        except ToxiproxyError as error:
            if isinstance(error.__cause__, NotFound):
                return "absent"
            if not isinstance(error.__cause__, requests.Timeout):
                raise
            self._recreate(before, without=toxic)
            return "recreated"
        return "removed"

    def set_enabled(self, proxy: str, *, enabled: bool) -> bool:
        """Disabled, its connections close and new ones are refused. False: it was so already.

        Raises:
            ToxiproxyError: no such proxy, its port was taken meanwhile, or no answer in time.
        """
        if self.proxy(proxy).enabled == enabled:
            return False
        self._call(self._api.post, f"/proxies/{proxy}", json={"enabled": enabled})
        return True

    def _recreate(self, before: ProxyState, *, without: str) -> None:
        self._call(self._api.delete, f"/proxies/{before.name}")
        self._call(self._api.post, "/proxies", json=before.bare())
        for toxic in before.toxics:
            if toxic.name != without:
                self.add_toxic(before.name, toxic)

    def _call(
        self, method: Callable[..., requests.Response], path: str, **arguments: Any
    ) -> requests.Response:
        verb = f"{method.__name__.upper()} {path}"
        try:
            answer = method(path, timeout=self._deadline_s, proxies=NO_PROXIES, **arguments)
        except requests.Timeout as error:
            raise ToxiproxyError(
                f"waited {self._deadline_s} s for Toxiproxy to answer {verb}: nothing came"
            ) from error
        except requests.RequestException as error:
            raise ToxiproxyError(
                f"{verb}: Toxiproxy at {self._api.host}:{self._api.port} cannot be reached: "
                f"{type(error).__name__}"
            ) from error
        except (InvalidToxic, NotFound, ProxyExists) as error:
            raise ToxiproxyError(f"{verb}: Toxiproxy answered {_text(error)}") from error
        if not answer.ok:  # the package passes these on
            raise ToxiproxyError(f"{verb}: Toxiproxy answered {answer.status_code} {answer.text}")
        return answer


def _text(error: Exception) -> str:
    """What Toxiproxy said: the package hands its bytes over as they came."""
    return b"".join(part for part in error.args if isinstance(part, bytes)).decode().strip()
