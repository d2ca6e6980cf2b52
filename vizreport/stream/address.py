"""HOST:PORT as a user writes it, and whether it leaves the machine."""

from __future__ import annotations

import ipaddress

from vizreport.errors import VizzyError


def parse_address(text: str) -> tuple[str, int]:
    """Splits HOST:PORT; an IPv6 address stands in brackets.

    Raises:
        VizzyError: It is none.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535 or not host:
        raise VizzyError(f"{text}: is no HOST:PORT, such as 127.0.0.1:7788 or [::1]:7788")
    return host.removeprefix("[").removesuffix("]"), int(port)


def is_loopback(host: str) -> bool:
    """Tells whether only this machine can connect to the address; names but localhost are not looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
