"""nginx.conf really serves: nginx is started with it in front of the real server."""

import contextlib
import os
import re
import signal
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from bench.front import CONF, NGINX, OPENSSL, nginx
from tests.server.conftest import USER, StartServer

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed"),
    pytest.mark.skipif(OPENSSL is None, reason="openssl, which makes the certificate, is missing"),
]
CACHED = "x-cache-status"
PROBLEM = "application/problem+json"
LONG_BYTES = 64 << 20
CONDITION = {"if-match": '"any"'}  # that nginx looks at where it keeps the answer
StartNginx = Callable[[str], str]


@pytest.fixture
def front(tmp_path: Path) -> Iterator[StartNginx]:
    """Start nginx in front of host:port; returns the https address. Ended with the test."""
    with ExitStack() as stack:
        yield lambda upstream: stack.enter_context(nginx(tmp_path, upstream))


def test_a_ticket_is_booked_through_nginx(
    data: Path, serve: StartServer, front: StartNginx
) -> None:
    """TLS in front, the same answers behind; what is too large is refused before it arrives."""
    server = serve(data)
    url = front(server.url.removeprefix("http://"))

    with httpx.Client(base_url=url, auth=USER, verify=False) as http:
        booked = http.post("/api/bookings", json={"event_id": 1})
        seats = http.get("/api/seats", params={"event_id": 1, "status": "FREE"})
        too_large = http.post("/api/bookings", content=b"x" * 70_000)
        denied = http.get("/api/bookings", auth=("nobody", "nothing"))
        named = http.get("/api/bookings", headers={"x-request-id": "mine-1"})
        metrics = http.get("/metrics")
        with http.stream("GET", "/x/events/1/stream") as stream:
            # Kept back in a buffer, the first message would wait for many others.
            first = next(stream.iter_lines())

    assert 201 == booked.status_code
    assert 20 == len(seats.json())
    assert "x-request-id" in seats.headers
    assert "mine-1" == named.headers["x-request-id"]
    assert "max-age=31536000" == seats.headers["strict-transport-security"]
    assert 413 == too_large.status_code
    assert 404 == metrics.status_code
    assert "retry: 2000" == first
    assert 401 == denied.status_code
    assert 'Basic realm="Billetter", charset="UTF-8"' == denied.headers["www-authenticate"]


def test_what_nobody_can_change_is_asked_for_once(
    data: Path, serve: StartServer, front: StartNginx
) -> None:
    """A search that many make, and the files of pages; each answer names its own request."""
    server = serve(data)
    url = front(server.url.removeprefix("http://"))

    with httpx.Client(base_url=url, verify=False) as http:
        page = http.get("/").text
        (style,) = set(re.findall(r'"(/web/[^"]+/style\.css)"', page))
        asked = [http.get("/api/events", params={"query": "концерт"}) for _ in range(5)]
        styles = [http.get(style) for _ in range(5)]
        docs = [http.get("/docs/swagger-ui-bundle.js") for _ in range(5)]
        refused = http.get("/api/events", params={"page": 0})
        other = http.get("/api/events", params={"query": "опера"})
        seats = http.get("/api/seats", params={"event_id": 1})

    # On a connection of its own, which nginx ends after it.
    conditioned = httpx.get(asked[0].url, headers=CONDITION, verify=False)

    for first, *later in (asked, styles, docs):
        assert ["MISS", *["HIT"] * 4] == [one.headers[CACHED] for one in (first, *later)]
    assert "MISS" == other.headers[CACHED], "another search is another answer"
    assert CACHED not in seats.headers
    assert {200} == {one.status_code for one in (*asked, *styles, *docs, other)}
    assert 1 == len({one.content for one in asked})
    assert asked[0].content != other.content
    ids = [one.headers["x-request-id"] for one in (*asked, *styles, *docs)]
    assert len(ids) == len(set(ids))
    assert "gzip" == styles[0].headers["content-encoding"]
    assert "immutable" in styles[0].headers["cache-control"]
    assert "max-age=31536000" == styles[0].headers["strict-transport-security"]
    assert (400, PROBLEM) == (conditioned.status_code, conditioned.headers["content-type"])
    assert (400, refused.headers["x-request-id"]) == (
        refused.status_code,
        refused.json()["request_id"],
    )


def test_nginx_refuses_as_the_service_does(
    data: Path, serve: StartServer, front: StartNginx
) -> None:
    """With a problem that says when to ask again; what the service refuses passes as it is."""
    server = serve(data)
    url = front(server.url.removeprefix("http://"))

    with httpx.Client(base_url=url, auth=USER, verify=False) as http:
        large = http.post("/api/bookings", content=b"x" * 70_000)
        hidden = http.get("/metrics")
        long = http.get("/api/events", params={"query": "a" * 9_000})
        bad = http.get("/api/events", headers={"x": "a" * 9_000})
        ours = http.get("/api/seats", params={"event_id": 10**9})
        head = http.head("/metrics")
        server.terminate()
        server.process.wait(20)
        down = http.get("/healthz")

    for status, answer in {413: large, 404: hidden, 414: long, 400: bad, 502: down}.items():
        problem = answer.json()
        assert (status, status) == (answer.status_code, problem["status"])
        assert PROBLEM == answer.headers["content-type"]
        assert problem["request_id"] == answer.headers["x-request-id"]
        assert "max-age=31536000" == answer.headers["strict-transport-security"]
    assert "1" == down.headers["retry-after"]
    assert "retry-after" not in hidden.headers
    assert (404, PROBLEM, b"") == (head.status_code, head.headers["content-type"], head.content)
    assert "/problems/event-not-found" == ours.json()["type"]


def test_an_address_that_hurries_is_told_when_to_ask_again(
    data: Path, serve: StartServer, front: StartNginx, tmp_path: Path
) -> None:
    """A thousand calls at once, of which the service answers only one: a search is kept. Nobody
    fills the disk by being refused."""
    url = front(serve(data).url.removeprefix("http://"))
    ask = b"GET /api/events HTTP/1.1\r\nHost: billetter\r\n"
    asked = (ask + b"\r\n") * 1_000 + ask + b"Connection: close\r\n\r\n"

    _, found, refused = told(url, asked).partition(b"HTTP/1.1 429 ")
    assert found
    head, _, body = refused.partition(b"\r\n\r\n")
    assert b"\r\nRetry-After: 1\r\n" in head
    assert body.startswith(b'{"type":"/problems/too-many-calls",')
    assert "limiting" not in (tmp_path / "error.log").read_text()


def test_the_gateway_tells_of_all_payments_from_one_address(
    data: Path, serve: StartServer, front: StartNginx
) -> None:
    """What is enough for an office of buyers isn't for the gateway of all of them."""
    url = front(serve(data).url.removeprefix("http://"))
    tell = (
        b"POST /api/payments/notifications HTTP/1.1\r\nHost: billetter\r\n"
        b"Content-Type: application/json\r\nContent-Length: 2\r\n"
    )
    heard = told(url, (tell + b"\r\n{}") * 1_000 + tell + b"Connection: close\r\n\r\n{}")

    assert 1_001 == heard.count(b"HTTP/1.1 400 ")  # the service's own: of no payment
    assert 0 == heard.count(b"HTTP/1.1 429 ")


@pytest.mark.parametrize(
    "asked",
    [
        b"TRACE / HTTP/1.1\r\nHost: billetter\r\n",
        b"POST / HTTP/1.1\r\nHost: billetter\r\nTransfer-Encoding: gzip\r\n",
        b"GET / HTTP/3.0\r\nHost: billetter\r\n",
        b"nonsense\r\n",
    ],
)
def test_what_nginx_does_not_speak_is_a_problem_too(front: StartNginx, asked: bytes) -> None:
    """Nobody is asked behind it, so nobody need be there."""
    head, _, body = told(front("127.0.0.1:1"), asked + b"Connection: close\r\n\r\n").partition(
        b"\r\n\r\n"
    )
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nContent-Type: application/problem+json\r\n" in head
    assert body.startswith(b'{"type":"/problems/bad-request",')


def test_a_call_without_tls_stays_the_same_call(front: StartNginx, tmp_path: Path) -> None:
    """By a 301 a client that follows it would ask for the list of bookings instead of booking."""
    front("127.0.0.1:1")
    conf = (tmp_path / "nginx.conf").read_text()
    (plain,) = re.findall(r"listen (127\.0\.0\.1:\d+);", conf)
    answer = httpx.post(f"http://{plain}/api/bookings?x=1", json={"event_id": 1})

    assert 308 == answer.status_code
    assert "https://127.0.0.1/api/bookings?x=1" == answer.headers["location"]


def test_whoever_watches_comes_back_after_a_reload(
    data: Path, serve: StartServer, front: StartNginx, tmp_path: Path
) -> None:
    """Streams go on for hours; each reload would leave a set of workers for as long as one does."""
    server = serve(data)
    url = front(server.url.removeprefix("http://"))
    conf, pid = tmp_path / "nginx.conf", int((tmp_path / "nginx.pid").read_text())
    text, shortened = re.subn(r"(worker_shutdown_timeout) \d+s;", r"\1 1s;", conf.read_text())
    assert shortened
    conf.write_text(text)

    with httpx.Client(base_url=url, verify=False, timeout=60) as http:
        before = workers(pid)
        os.kill(pid, signal.SIGHUP)
        until_other_workers(pid, before)
        with http.stream("GET", "/x/events/1/stream") as stream:
            parts = stream.iter_bytes()
            next(parts)
            os.kill(pid, signal.SIGHUP)
            with contextlib.suppress(httpx.RemoteProtocolError):
                for _ in parts:
                    pass
        assert 200 == http.get("/readyz").status_code


def workers(nginx_id: int) -> set[str]:
    children = Path(f"/proc/{nginx_id}/task/{nginx_id}/children").read_text().split()
    return {
        one
        for one in children
        if Path(f"/proc/{one}/cmdline").read_bytes().startswith(b"nginx: worker process\0")
    }


def until_other_workers(nginx_id: int, before: set[str]) -> None:
    """Until none is left of those before: they take no new client any more, but end those here."""
    deadline = time.monotonic() + 60
    while not (found := workers(nginx_id)) or found & before:
        assert time.monotonic() < deadline, "the workers before don't end"
        time.sleep(0.05)


def told(url: str, asked: bytes) -> bytes:
    """All that is answered to these bytes until the connection ends."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", httpx.URL(url).port or 443), timeout=60) as plain,
        trusting.wrap_socket(plain) as connection,
    ):
        connection.sendall(asked)
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


class _Long(socketserver.StreamRequestHandler):
    """Answers more than all buffers on the way hold; `was_taken` says whether somebody took it."""

    was_taken: bool | None = None
    is_over = threading.Event()

    def handle(self) -> None:
        while self.rfile.readline() not in (b"\r\n", b""):
            pass
        self.connection.settimeout(2)
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LONG_BYTES)
            self.wfile.write(bytes(LONG_BYTES))
            type(self).was_taken = True
        except TimeoutError:
            type(self).was_taken = False
        self.is_over.set()


def test_who_reads_slowly_does_not_fill_the_disk(front: StartNginx) -> None:
    """A reply is kept for nobody in a file: the disk is the log's, and one address has thousands of
    connections. Where nginx doesn't go on, the service puts him out."""
    with _upstream(_Long) as port:
        url = httpx.URL(front(f"127.0.0.1:{port}"))
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", url.port or 443)) as plain,
            trusting.wrap_socket(plain) as connection,
        ):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: billetter\r\n\r\n")
            assert _Long.is_over.wait(60)

    assert _Long.was_taken is False


class _Counting(socketserver.StreamRequestHandler):
    """Answers every request of a connection and counts the connections."""

    connections = 0

    def handle(self) -> None:
        type(self).connections += 1
        while self.rfile.readline():
            while self.rfile.readline() not in (b"\r\n", b""):
                pass
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")


@contextmanager
def _upstream(handler: type[socketserver.StreamRequestHandler]) -> Iterator[int]:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_unit_of_the_distribution_finds_nginx_by_its_pid() -> None:
    """Its start, its reload and its log rotation ask that file; with another the start fails."""
    assert NGINX is not None
    built = subprocess.run([NGINX, "-V"], capture_output=True, text=True, check=True).stderr
    (expected,) = re.findall(r"--pid-path=(\S+)", built)

    assert [expected] == re.findall(r"^pid (\S+);$", CONF.read_text(), re.MULTILINE)


def test_nginx_keeps_its_connections_to_the_service(front: StartNginx) -> None:
    """Many requests, each of another client, need no more than nginx has workers: one a core."""
    workers = os.cpu_count() or 1
    clients = 10 * workers
    with _upstream(_Counting) as port:
        url = front(f"127.0.0.1:{port}")
        answers = [httpx.get(url + "/", verify=False).text for _ in range(clients)]

    assert ["OK"] * clients == answers
    assert _Counting.connections <= workers
