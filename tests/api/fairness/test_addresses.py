"""Whose address it is: the last one that somebody we trust has written, and by the subscriber."""

import tracemalloc
from ipaddress import ip_address

import pytest

from api.fairness.addresses import SUBSCRIBER_BYTES, Addresses, are_networks

TRUSTED = "192.0.2.1, 10.0.0.0/8, 2001:db8:f::/48"


def counted(address: str) -> bytes:
    found = ip_address(address)
    return found.packed[:SUBSCRIBER_BYTES] if found.version == 6 else found.packed


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        # Nobody we trust: what it says of others is worth nothing.
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.7"], "203.0.113.9"),
        # A proxy of ours tells whom it has heard, at the end.
        ("127.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("::1", ["198.51.100.7"], "198.51.100.7"),
        ("192.0.2.1", ["198.51.100.7"], "198.51.100.7"),
        ("2001:db8:f::5", ["198.51.100.7"], "198.51.100.7"),
        # What stands before it was sent by the stranger himself.
        ("127.0.0.1", ["8.8.8.8, 198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", ["127.0.0.1, 198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", ["8.8.8.8", "198.51.100.7"], "198.51.100.7"),
        # Two proxies of ours in a row.
        ("127.0.0.1", ["8.8.8.8, 198.51.100.7, 10.1.2.3"], "198.51.100.7"),
        ("127.0.0.1", ["198.51.100.7", "10.1.2.3"], "198.51.100.7"),
        # Nothing but ours: whoever is farthest.
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["10.1.2.3"], "10.1.2.3"),
        # What is no address ends the search at the proxy that wrote it.
        ("127.0.0.1", ["198.51.100.7, unknown"], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.7, unknown, 10.1.2.3"], "10.1.2.3"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.7:5000"], "198.51.100.7"),
        ("127.0.0.1", ["[2001:db8::7]:5000"], "2001:db8::7"),
        ("127.0.0.1", ["::ffff:198.51.100.7"], "198.51.100.7"),
        # A longer list is not read to its beginning.
        ("127.0.0.1", ["198.51.100.7" + ", 10.0.0.1" * 16], "10.0.0.1"),
    ],
)
def test_whose_address_it_is(peer: str, forwarded: list[str], expected: str) -> None:
    """By the peer and what the headers say, in their order."""
    headers = [(b"host", b"show.go"), *((b"x-forwarded-for", one.encode()) for one in forwarded)]

    assert counted(expected) == Addresses(TRUSTED).caller(peer, headers)


def test_a_subscriber_of_ipv6_is_one_caller() -> None:
    """Whoever has one address of a /64 has all of them; the next /64 is somebody else's."""
    addresses = Addresses("")
    one, other, next_one = (
        addresses.caller(peer, [])
        for peer in ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1")
    )
    assert one == other != next_one


def test_who_calls_is_shown_in_full() -> None:
    """The same one who is counted, by the same rule, with all of his address."""
    forwarded = [(b"x-forwarded-for", b"8.8.8.8, 2001:db8::1:7"), (b"x-forwarded-for", b"10.1.2.3")]
    assert "2001:db8::1:7" == Addresses(TRUSTED).shown("192.0.2.1", forwarded)
    assert "192.0.2.1" == Addresses("").shown("192.0.2.1", forwarded)
    assert "" == Addresses("").shown("", forwarded)
    assert "fe80::1" == Addresses("").shown("::1", [(b"x-forwarded-for", b"fe80::1%any text")])


def test_a_text_longer_than_any_address_is_not_remembered() -> None:
    """A forwarder that writes no header lets everybody's through, and whoever likes fills it."""
    addresses = Addresses("")
    tracemalloc.start()
    try:
        for number in range(1_000):
            text = b"fe80::1%%%b" % (b"%d" % number * 4_096)
            assert "127.0.0.1" == addresses.shown("127.0.0.1", [(b"x-forwarded-for", text)])
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 100_000


def test_without_an_address_all_are_one() -> None:
    """A socket file has no peers to tell apart."""
    assert b"" == Addresses("").caller("", [(b"x-forwarded-for", b"198.51.100.7")])


@pytest.mark.parametrize(
    ("text", "good"), [("", True), (TRUSTED, True), ("nginx", False), ("10.0.0.1/8", False)]
)
def test_what_can_be_trusted(text: str, good: bool) -> None:
    """Addresses and networks, nothing else."""
    assert good == are_networks(text)
