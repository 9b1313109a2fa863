"""Engines for the store: every wait bounded, no connection carried across a fork."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

WAIT_S = 5
"""How long to wait for another's lock, for a connection, or for a statement."""
SCHEMA_RETRY_S = 0.2
THREADS = 40
"""As many as a server runs endpoints in (anyio's default)."""


def open_engine(url: str, *, metadata: sa.MetaData, pooled: bool) -> sa.Engine:
    """An engine whose tables exist.

    Processes that fork take `pooled=False`: each use then opens and closes a connection of
    its own, and a child has nothing of its parent's to share.

    Raises:
        SQLAlchemyError: no database there, or the tables cannot be made.
    """
    # Each of the store's changes is one statement, and so whole by itself. In a transaction of its
    # own it would hold SQLite's only write lock until this thread runs again to commit: among
    # forty busy threads that is many milliseconds, for every writer of every process.
    options: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"}
    options |= {"pool_timeout": WAIT_S} if pooled else {"poolclass": NullPool}
    if url.startswith("sqlite"):
        if pooled:
            options["pool_size"] = THREADS  # a connection beyond it is opened anew for each use
        engine = sa.create_engine(url, connect_args={"timeout": WAIT_S}, **options)
        sa.event.listen(engine, "connect", _set_pragmas)
    else:
        engine = sa.create_engine(
            url,
            connect_args={
                "connect_timeout": WAIT_S,
                "options": f"-c statement_timeout={WAIT_S * 1000}",
                "tcp_user_timeout": WAIT_S * 1000,
            },
            pool_pre_ping=pooled,
            **options,
        )
    _create_tables(engine, metadata)
    return engine


def _set_pragmas(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # WAL lets readers go on while one process writes; NORMAL loses nothing to a killed process.
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _create_tables(engine: sa.Engine, metadata: sa.MetaData) -> None:
    """API and workers start at once and may all try: whoever comes second finds them made."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            metadata.create_all(engine)
        except SQLAlchemyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(SCHEMA_RETRY_S)
        else:
            return
