"""A real Toxiproxy server, with one proxy for each link."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stallproof.sites.base import Address, Link, SiteError
from stallproof.sites.life import Start
from stallproof.sites.logs import ServiceLog
from stallproof.sites.process import KILL_TIMEOUT_S
from stallproof.sites.proxies import ProxyState
from stallproof.sites.toxiproxy_client import ToxiproxyClient, ToxiproxyError
from stallproof.sites.waiting import wait_until

START_TIMEOUT_S = 10.0


class ToxiproxyServer:
    """`Proxies`: the server and its four proxies, named after their links, on any site.

    Raises:
        SiteError: it cannot be started.
    """

    def __init__(
        self,
        *,
        start: Start,
        control: Address,
        listen: Mapping[Link, Address],
        log: ServiceLog,
        on_unexpected_exit: Callable[[int], None],
    ) -> None:
        self._control = control
        self._client = ToxiproxyClient(control)
        self._listen = listen
        self._log = log
        self._on_unexpected_exit = on_unexpected_exit
        self._closing = False
        try:
            self._life = start(self._exited)
        except OSError as error:
            raise SiteError(f"Toxiproxy does not start: {error}") from error

    @property
    def control(self) -> Address:
        return self._control

    def name_of(self, link: Link) -> str:
        return link.value

    def listen_of(self, link: Link) -> Address:
        return self._listen[link]

    def open_proxies(self, upstream: Mapping[Link, Address]) -> None:
        """Wait for the server and make the proxies, from each link to the broker's address.

        Raises:
            SiteError: it does not answer in time, exits, or refuses a proxy.
        """
        wait_until(self._problem, awaited="Toxiproxy's HTTP API", timeout_s=START_TIMEOUT_S)
        proxies = [
            ProxyState(
                name=self.name_of(link),
                listen=_text(self._listen[link]),
                upstream=_text(upstream[link]),
                enabled=True,
            )
            for link in Link
        ]
        try:
            self._client.populate(proxies)
        except ToxiproxyError as error:
            raise SiteError(f"Toxiproxy makes no proxies: {error}") from error

    def _problem(self) -> str | None:
        if not self._life.running:
            raise SiteError(f"Toxiproxy exited while starting; it said: {self._log.last_line}")
        try:
            self._client.version()
        except ToxiproxyError as error:
            return str(error)
        return None

    def _exited(self, code: int) -> None:
        if not self._closing:
            self._on_unexpected_exit(code)

    def close(self) -> None:
        """Kill it; it is gone when this returns."""
        self._closing = True
        self._life.kill_tree()
        self._life.wait(KILL_TIMEOUT_S)


def _text(address: Address) -> str:
    return f"{address.host}:{address.port}"
