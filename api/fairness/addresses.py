"""Whose address a call comes from, as far as we can know it, in the form that is counted."""

from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network

FORWARDED = b"x-forwarded-for"
READ_KEPT_MAX = 16_384
# A longer list of proxies is written by somebody who wants us to read it.
HOPS_MAX = 16
SUBSCRIBER_BYTES = 8  # of an IPv6 address: whoever has one has a whole /64


class Addresses:
    """Tells callers apart behind proxies that are trusted: those listed, and this machine's own."""

    def __init__(self, trusted: str) -> None:
        """`trusted` are addresses or networks with commas between; raises ValueError."""
        self._trusted = networks(trusted)
        self._read = lru_cache(READ_KEPT_MAX)(self._address)

    def caller(self, peer: str, headers: list[tuple[bytes, bytes]]) -> bytes:
        """What the caller is counted by: an IPv4 address, or the first half of an IPv6 address.

        A trusted proxy adds whom it has heard to the end of X-Forwarded-For, so the last address
        that isn't trusted is the caller's. What stands before it may be anybody's invention.
        """
        counted, is_trusted = self._read(peer)
        if not is_trusted:
            return counted
        values = [value for name, value in headers if name == FORWARDED]
        hops = b",".join(values).split(b",")[-HOPS_MAX:] if values else []
        for hop in reversed(hops):
            found, is_trusted = self._read(hop.decode("latin-1").strip())
            if not found:
                break
            counted = found
            if not is_trusted:
                break
        return counted

    def _address(self, text: str) -> tuple[bytes, bool]:
        """How the address is counted, and whether it is trusted; empty where it is none."""
        try:
            address = ip_address(_without_port(text))
        except ValueError:
            return b"", False
        if isinstance(address, IPv6Address):
            if address.ipv4_mapped is None:
                return address.packed[:SUBSCRIBER_BYTES], self._is_trusted(address)
            address = address.ipv4_mapped
        return address.packed, self._is_trusted(address)

    def _is_trusted(self, address: _Address) -> bool:
        return address.is_loopback or any(address in network for network in self._trusted)


def networks(text: str) -> tuple[_Network, ...]:
    """Addresses or networks with commas between; raises ValueError."""
    return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())


def are_networks(text: str) -> bool:
    """True where `networks` can read it."""
    try:
        networks(text)
    except ValueError:
        return False
    return True


def _without_port(text: str) -> str:
    """Some proxies write 192.0.2.1:5000 and [2001:db8::1]:5000."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
