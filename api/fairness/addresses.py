"""Whose address a call comes from, as far as we can know it, to be counted or to be shown."""

from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import NamedTuple

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network

FORWARDED = b"x-forwarded-for"
READ_KEPT_MAX = 16_384
# The longest one has 45, and then brackets, a port, a zone.
ADDRESS_CHARS_MAX = 100
# A longer list of proxies is written by somebody who wants us to read it.
HOPS_MAX = 16
SUBSCRIBER_BYTES = 8  # of an IPv6 address: whoever has one has a whole /64


class _Read(NamedTuple):
    """An address as it is counted, in full, and whether it is trusted; empty where it is none."""

    counted: bytes
    whole: str
    is_trusted: bool


_NONE = _Read(b"", "", is_trusted=False)


class Addresses:
    """Tells callers apart behind proxies that are trusted: those listed, and this machine's own."""

    def __init__(self, trusted: str) -> None:
        """`trusted` are addresses or networks with commas between; raises ValueError."""
        self._trusted = networks(trusted)
        self._read = lru_cache(READ_KEPT_MAX)(self._address)

    def caller(self, peer: str, headers: list[tuple[bytes, bytes]]) -> bytes:
        """What the caller is counted by: an IPv4 address, or the first half of an IPv6 address."""
        return self._caller(peer, headers).counted

    def shown(self, peer: str, headers: list[tuple[bytes, bytes]]) -> str:
        """The same caller's whole address; empty without one."""
        return self._caller(peer, headers).whole

    def _caller(self, peer: str, headers: list[tuple[bytes, bytes]]) -> _Read:
        """A trusted proxy adds whom it has heard to the end of X-Forwarded-For, so the last address
        that isn't trusted is the caller's. What stands before it may be anybody's invention.
        """
        caller = self._read(peer)
        if not caller.is_trusted:
            return caller
        values = [value for name, value in headers if name == FORWARDED]
        hops = b",".join(values).split(b",")[-HOPS_MAX:] if values else []
        for hop in reversed(hops):
            text = hop.decode("latin-1").strip()
            # What is kept of a text is the text: strangers would fill the memory with long ones.
            found = self._read(text) if len(text) <= ADDRESS_CHARS_MAX else _NONE
            if not found.counted:
                break
            caller = found
            if not found.is_trusted:
                break
        return caller

    def _address(self, text: str) -> _Read:
        try:
            address = ip_address(_without_port(text))
        except ValueError:
            return _NONE
        if isinstance(address, IPv6Address):
            if address.ipv4_mapped is None:
                counted = address.packed[:SUBSCRIBER_BYTES]
                # Without a zone, which means nothing here and may be any text.
                whole = str(address).partition("%")[0]
                return _Read(counted, whole, self._is_trusted(address))
            address = address.ipv4_mapped
        return _Read(address.packed, str(address), self._is_trusted(address))

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
