"""How a packet that ends a connection is read: real ones in `tests/faults/test_calibration.py`."""

from __future__ import annotations

import socket
import struct

import pytest

from stallproof.sites.wiretap import ending_of

FIN_ACK, RST, RST_ACK = 0x11, 0x04, 0x14


def packet(*, flags: int, options: bytes = b"") -> bytes:
    """From its IP header on, which may have options."""
    header_b = 20 + len(options)
    ip = struct.pack(
        "!BBHHHBBH4s4s",
        *(0x40 | header_b // 4, 0, header_b + 20, 0, 0, 64, socket.IPPROTO_TCP, 0),
        socket.inet_aton("198.18.2.2"),
        socket.inet_aton("198.18.3.13"),
    )
    return ip + options + struct.pack("!HHIIBBHHH", 50302, 6379, 1, 2, 0x50, flags, 0, 0, 0)


@pytest.mark.parametrize("options", [b"", bytes(8)])
@pytest.mark.parametrize(("flags", "how"), [(FIN_ACK, "EOF"), (RST, "reset"), (RST_ACK, "reset")])
def test_who_ended_it_how_and_when(flags: int, how: str, options: bytes) -> None:
    stamp = struct.pack("@ll", 1_800_000_000, 500_000_000)
    found = ending_of(packet(flags=flags, options=options), stamp)
    assert found == ("198.18.2.2:50302", "198.18.3.13:6379", how, 1_800_000_000.5)
