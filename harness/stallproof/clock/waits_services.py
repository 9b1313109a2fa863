"""The ways in which the parts of the system wait: prefork pool, event loop, server, broker."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from typing import Any

import redis
import uvicorn
from billiard import Process
from billiard import exceptions as billiard_errors
from billiard.pool import Pool
from kombu.asynchronous import Hub
from redis.backoff import NoBackoff
from redis.retry import Retry

from stallproof.clock.stopwatch import Stopwatch, wait

BROKER_SOCKET = "broker.sock"
"""In the working directory: the socket of a broker that lives in the same time."""
_READY_S = 600.0


def _sleep_for_ever() -> None:
    while True:
        time.sleep(3600)


@wait("billiard: Process.join")
def _join(asked_s: int, watch: Stopwatch) -> None:
    child = Process(target=_sleep_for_ever)
    child.start()
    try:
        with watch:
            child.join(asked_s)
    finally:
        child.terminate()


@wait("billiard: AsyncResult.get")
def _get(asked_s: int, watch: Stopwatch) -> None:
    pool = Pool(processes=1)
    try:
        pool.apply(os.getpid)  # the child is up
        with watch, contextlib.suppress(billiard_errors.TimeoutError):
            pool.apply_async(_sleep_for_ever).get(asked_s)
    finally:
        pool.terminate()


@wait("kombu: a timer of the event loop")
def _hub(asked_s: int, watch: Stopwatch) -> None:
    hub: Any = Hub()  # type: ignore[no-untyped-call]  # kombu is typed in parts only
    with watch:
        hub.call_later(asked_s, hub.stop)
        hub.run_forever()
    hub.close()


async def _answer(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 (ASGI's own)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@wait("uvicorn: timeout_keep_alive")
def _uvicorn(asked_s: int, watch: Stopwatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            _answer, lifespan="off", log_config=None, timeout_keep_alive=asked_s
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        address = listener.getsockname()
        request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        with socket.create_connection(address, timeout=_READY_S) as client:
            client.sendall(request)
            client.recv(1 << 16)  # the server is up
            with watch:  # it counts from its answer on, a little after the request
                client.sendall(request)
                while client.recv(1 << 16):
                    pass
        server.should_exit = True
        thread.join(_READY_S)


def _broker(**options: Any) -> redis.Redis:
    return redis.Redis(unix_socket_path=BROKER_SOCKET, retry=Retry(NoBackoff(), 0), **options)


@wait("redis-py: socket_timeout")
def _socket_timeout(asked_s: int, watch: Stopwatch) -> None:
    with _broker(socket_timeout=asked_s) as client:
        client.ping()
        with watch, contextlib.suppress(redis.TimeoutError):
            client.execute_command("BLPOP", "nothing", 0)


@wait("Valkey: BLPOP's timeout")
def _blpop(asked_s: int, watch: Stopwatch) -> None:
    with _broker(socket_timeout=None) as client:
        client.ping()
        with watch:
            client.blpop("nothing", timeout=asked_s)


@wait("Valkey: EXPIRE")
def _expire(asked_s: int, watch: Stopwatch) -> None:
    with _broker() as client:
        client.set("key", "value")
        with watch:
            client.expire("key", asked_s)
            while client.exists("key"):
                time.sleep(asked_s / 200)


@wait("Valkey: `timeout`, closed by its cron", grain_s=2.0)
def _cron(asked_s: int, watch: Stopwatch) -> None:
    with _broker() as client:
        client.config_set("timeout", asked_s)
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as idle:
            idle.connect(BROKER_SOCKET)
            with watch:
                idle.recv(1)  # EOF
        client.config_set("timeout", 0)
