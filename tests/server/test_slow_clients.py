"""Clients that are slow, lie or leave: they are put out, nothing of theirs is half done."""

import asyncio
import base64
import contextlib
import re
import signal
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog import demo
from tests.server.buyer import Buyer, eventually
from tests.server.conftest import StartServer
from torture.servers.child import Server

pytestmark = pytest.mark.server
EACH = 15
LIMIT = 65_536
RECEIVE_BUFFER_BYTES = 2_304
HOST = b"Host: test\r\n"
GOOD = b'{"event_id": 7}'
PAGE = b"GET /api/seats?event_id=7 HTTP/1.1\r\n" + HOST + b"\r\n"
LARGE_PAGE = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\n" + HOST + b"\r\n"
USER = base64.b64encode(f"{demo.EMAIL}:{demo.PASSWORD}".encode())
BOOK = b"POST /api/bookings HTTP/1.1\r\nAuthorization: Basic " + USER + b"\r\n" + HOST
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


def sized(body: bytes, length: int | None = None) -> bytes:
    """A booking whose Content-Length is true, or what is given."""
    return BOOK + b"Content-Length: %d\r\n\r\n" % (len(body) if length is None else length) + body


def chunked(*parts: bytes) -> bytes:
    """A booking in chunks, without the last one, which is empty."""
    written = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return BOOK + b"Transfer-Encoding: chunked\r\n\r\n" + written


def connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=60)


def statuses(client: socket.socket) -> list[int]:
    """Of all answers until the server closes; a reset where it left something unread."""
    heard = b""
    try:
        while part := client.recv(LIMIT):
            heard += part
    except ConnectionResetError:
        pass
    return [int(status) for status in _STATUS.findall(heard)]


def send_what_is_taken(client: socket.socket, sent: bytes) -> None:
    """The server may end the connection before it has read all of it."""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        client.sendall(sent)


def leave_at_once(client: socket.socket) -> None:
    """A reset, not an end."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def nothing_failed(server: Server) -> bool:
    log = server.log.read_text()
    return "request failed" not in log and "Traceback" not in log


def send_no_more(client: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)


# Slow ones: what they send, and all that they are told before they are put out.
SLOW = {
    "headers": (b"GET /healthz HTTP/1.1\r\n" + HOST + b"X-Slow: ", []),
    "nothing": (b"", []),
    "idle after a request": (PAGE, [200]),
    "body": (sized(GOOD[:-1], len(GOOD)), [408]),
    "body, chunked": (chunked(b"{"), [408]),
    "body, of a stranger": (b"POST /api/bookings HTTP/1.1\r\nContent-Length: 9\r\n\r\n", [408]),
    "body that nobody reads": (b"GET /healthz HTTP/1.1\r\nContent-Length: 9\r\n\r\n", [200]),
    "body that waits for leave": (
        BOOK + b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n",
        [100, 408],
    ),
}


def test_slow_clients_are_put_out_and_the_honest_are_answered(
    data: Path, serve: StartServer
) -> None:
    """Fifteen of each kind are there at once; somebody books all the time until the last is out."""
    server = serve(data)
    told, booked = asyncio.run(_crowd(server))

    assert {kind: [answers] * EACH for kind, (_, answers) in SLOW.items()} == told
    with Buyer(server.url) as buyer:
        assert set(booked) == set(buyer.bookings())
    assert len(booked) == len(set(booked)) > 0
    assert nothing_failed(server)


async def _crowd(server: Server) -> tuple[dict[str, list[list[int]]], list[int]]:
    """What each slow one was told, by kind, and the bookings made meanwhile."""

    async def slow(opening: bytes) -> list[int]:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(opening)
        heard = await reader.read()
        writer.close()
        return [int(status) for status in _STATUS.findall(heard)]

    kinds = {
        kind: asyncio.gather(*(slow(opening) for _ in range(EACH)))
        for kind, (opening, _) in SLOW.items()
    }
    everybody = asyncio.gather(*kinds.values())
    with Buyer(server.url) as buyer:
        booked = [await asyncio.to_thread(buyer.book, 7)]
        while not everybody.done():
            booked.append(await asyncio.to_thread(buyer.book, 7))
            await asyncio.sleep(0.05)
    return dict(zip(kinds, await everybody, strict=True)), booked


def test_who_takes_no_reply_is_put_out(data: Path, serve: StartServer) -> None:
    """Ten megabytes of pages, of which a client takes nothing."""
    server = serve(data)
    client = who_takes_nothing(server)
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        asyncio.run(_heard_of_the_end(client))
    client.close()
    assert nothing_failed(server)


def who_takes_nothing(server: Server) -> socket.socket:
    time.sleep(0.5)  # the limit is set a moment after the server has begun to listen
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    client.connect(("127.0.0.1", server.port))
    client.sendall(LARGE_PAGE * 10)
    return client


async def _heard_of_the_end(client: socket.socket) -> None:
    """Knock until the connection is known to have ended: its end can't reach who takes nothing."""
    for _ in range(600):
        client.send(b"\r\n")
        await asyncio.sleep(0.1)


def test_a_stop_waits_for_nobody_for_ever(data: Path, serve: StartServer) -> None:
    """SIGTERM with slow ones of every kind: it ends by itself, and all told is there."""
    server = serve(data)
    with Buyer(server.url) as buyer:
        booking_id = buyer.book(7)
    slow = [connected(server) for _ in SLOW]
    for client, (opening, _) in zip(slow, SLOW.values(), strict=True):
        client.sendall(opening)
    slow.append(who_takes_nothing(server))

    server.process.send_signal(signal.SIGTERM)
    assert 0 == server.process.wait(timeout=60)
    assert 1 == server.log.read_text().count('"event":"stopped"'), "it was killed in the end"
    for client in slow:
        client.close()
    with Buyer(serve(data).url) as buyer:
        assert [booking_id] == list(buyer.bookings())


# Liars: what they send, and all that they are told before the connection ends. Nothing is booked.
LIARS = {
    "a byte too many": (sized(b" " * (LIMIT + 1)), [413]),
    "a byte too many, announced": (sized(b"", LIMIT + 1), [413]),
    "a byte too many, in chunks": (chunked(b" " * LIMIT, b" "), [413]),
    "more announced than numbers hold": (sized(b"", 10**30), [400]),
    "a length that is none": (BOOK + b"Content-Length: -1\r\n\r\n", [400]),
    "two lengths": (BOOK + b"Content-Length: 15\r\n" + sized(GOOD, 2)[len(BOOK) :], [400]),
    "less announced than sent": (sized(GOOD + b"\r\n\r\n", 2), [400, 400]),
    "a chunk that is none": (BOOK + b"Transfer-Encoding: chunked\r\n\r\nx\r\n", [400]),
    "101 headers": (BOOK + b"".join(b"A%d: b\r\n" % one for one in range(99)) + b"\r\n", [431]),
    "a header of a megabyte": (BOOK + b"A: " + b"a" * 2**20 + b"\r\n\r\n", [431]),
    "a path of a megabyte": (b"GET /" + b"a" * 2**20 + b" HTTP/1.1\r\n" + HOST + b"\r\n", [431]),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", [400]),
}


def test_a_liar_is_refused(data: Path, serve: StartServer) -> None:
    """It is told so, and its connection ends; the others' go on, and nothing is booked."""
    server = serve(data)
    told = {}
    with Buyer(server.url) as buyer:
        for name, (sent, _) in LIARS.items():
            with connected(server) as client:
                send_what_is_taken(client, sent)
                told[name] = statuses(client)
        assert {} == buyer.bookings()
    assert {name: answers for name, (_, answers) in LIARS.items()} == told
    assert nothing_failed(server)


def test_a_body_without_end_is_cut_off(data: Path, serve: StartServer) -> None:
    """Chunks for as long as anybody takes them: a megabyte is never reached."""
    server = serve(data)
    with connected(server) as client:
        send_what_is_taken(client, chunked(*[b" " * 1_000] * 30_000))
        assert statuses(client) in ([413], [])  # the reset may overtake the answer
    with Buyer(server.url) as buyer:
        assert {} == buyer.bookings()
    assert nothing_failed(server)


# Those in a hurry


def test_a_thousand_requests_at_once_are_answered_in_order(data: Path, serve: StartServer) -> None:
    """Pipelined: bookings and pages by turns, all sent before the first answer is read."""
    server = serve(data)
    last = PAGE.replace(HOST, HOST + b"Connection: close\r\n")
    with connected(server) as client:
        client.sendall((sized(GOOD) + PAGE) * 500 + last)
        assert [201, 200] * 500 + [200] == statuses(client)
    with Buyer(server.url) as buyer:
        assert 500 == len(buyer.bookings())


def test_who_hangs_up_within_a_body_has_done_nothing(data: Path, serve: StartServer) -> None:
    """By a reset, an end, or half an end; with a length or in chunks."""
    server = serve(data)
    for half in (sized(GOOD[:-1], len(GOOD)), chunked(GOOD[:-1]), chunked(GOOD)):
        for leave in (leave_at_once, socket.socket.close, send_no_more):
            client = connected(server)
            client.sendall(half)
            leave(client)
            if leave is send_no_more:
                assert statuses(client) in ([400], [])
            client.close()
    with Buyer(server.url) as buyer:
        assert {} == buyer.bookings()
    assert nothing_failed(server)


@pytest.mark.parametrize("leave", [leave_at_once, socket.socket.close, send_no_more])
def test_who_leaves_before_the_answer_has_booked_once(
    data: Path, serve: StartServer, leave: Callable[[socket.socket], None]
) -> None:
    """Whatever became of the first request: asked again with the same key, there is one booking."""
    server = serve(data)
    booked = []
    with Buyer(server.url) as buyer:
        for at in range(20):
            key = f"try-{at}"
            client = connected(server)
            client.sendall(
                sized(GOOD).replace(HOST, HOST + b"Idempotency-Key: %b\r\n" % key.encode())
            )
            leave(client)
            again = buyer.http.post("/api/bookings", content=GOOD, headers={"Idempotency-Key": key})
            booked.append(again.json()["id"])
            client.close()
        assert set(booked) == set(buyer.bookings())
        assert 20 == len(set(booked))
    assert nothing_failed(server)


def test_a_booking_stands_though_its_client_has_gone(data: Path, serve: StartServer) -> None:
    """Seen by others and reset by its client, who never read the answer."""
    server = serve(data)
    client = connected(server)
    client.sendall(sized(GOOD))
    with Buyer(server.url) as buyer:
        eventually(lambda: len(buyer.bookings()), 1)
        leave_at_once(client)
        booked = buyer.bookings()
    server.kill()
    with Buyer(serve(data).url) as buyer:
        assert booked == buyer.bookings()
