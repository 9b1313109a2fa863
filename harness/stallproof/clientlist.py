"""CLIENT LIST, the broker's own table of who is connected."""

from __future__ import annotations


def clients_in(client_list: str) -> list[dict[str, str]]:
    """The fields of each client, by the broker's names.

    Source: https://valkey.io/commands/client-list/
    """
    return [
        dict(field.partition("=")[::2] for field in line.split(" "))
        for line in client_list.splitlines()
    ]
