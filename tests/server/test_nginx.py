"""nginx.conf really serves: nginx is started with it in front of the real server."""

import shutil
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.server.conftest import USER, StartServer, free_port

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
OPENSSL = shutil.which("openssl")
pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed"),
    pytest.mark.skipif(OPENSSL is None, reason="openssl, which makes the certificate, is missing"),
]
CONF = Path(__file__).parents[2] / "nginx.conf"
StartNginx = Callable[[str], str]


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[StartNginx]:
    """Start nginx in front of host:port; returns the https address. Ended with the test."""
    running: list[subprocess.Popen[bytes]] = []

    def start(upstream: str) -> str:
        https, http = free_port(), free_port()
        conf = _rewritten(tmp_path, upstream=upstream, https=https, http=http)
        assert NGINX is not None
        command = [NGINX, "-c", str(conf), "-p", str(tmp_path), "-g", "daemon off;"]
        checked = subprocess.run([*command[:-2], "-t"], capture_output=True, check=False)
        assert checked.returncode == 0, checked.stderr.decode()
        running.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        _wait_for(f"http://127.0.0.1:{http}/")
        return f"https://127.0.0.1:{https}"

    yield start
    for process in running:
        process.terminate()
        process.wait(timeout=20)


def _rewritten(directory: Path, *, upstream: str, https: int, http: int) -> Path:
    """The committed file with this test's ports and paths; each replacement must find its text."""
    certificate, key = _certificate(directory)
    text = CONF.read_text()
    for old, new in {
        "server 127.0.0.1:8081 ": f"server {upstream} ",
        "listen 443 ssl": f"listen 127.0.0.1:{https} ssl",
        "listen 80;": f"listen 127.0.0.1:{http};",
        "/etc/billetter/tls.crt": str(certificate),
        "/etc/billetter/tls.key": str(key),
        "/run/billetter-nginx.pid": str(directory / "nginx.pid"),
        "/var/log/nginx/billetter-error.log": str(directory / "error.log"),
    }.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    conf = directory / "nginx.conf"
    conf.write_text(text)
    return conf


def _certificate(directory: Path) -> tuple[Path, Path]:
    certificate, key = directory / "tls.crt", directory / "tls.key"
    assert OPENSSL is not None
    subprocess.run(
        f"{OPENSSL} req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1"
        f" -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate}".split(),
        check=True,
        capture_output=True,
    )
    return certificate, key


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            httpx.get(url, timeout=2)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("nginx did not start")


def test_a_ticket_is_booked_through_nginx(
    data: Path, serve: StartServer, nginx: StartNginx
) -> None:
    """TLS in front, the same answers behind; what is too large is refused before it arrives."""
    server = serve(data)
    url = nginx(server.url.removeprefix("http://"))

    with httpx.Client(base_url=url, auth=USER, verify=False) as http:
        booked = http.post("/api/bookings", json={"event_id": 1})
        seats = http.get("/api/seats", params={"event_id": 1, "status": "FREE"})
        too_large = http.post("/api/bookings", content=b"x" * 70_000)
        denied = http.get("/api/bookings", auth=("nobody", "nothing"))
        metrics = http.get("/metrics")

    assert 201 == booked.status_code
    assert 20 == len(seats.json())
    assert "x-request-id" in seats.headers
    assert "max-age=31536000" == seats.headers["strict-transport-security"]
    assert 413 == too_large.status_code
    assert 404 == metrics.status_code
    assert 401 == denied.status_code
    assert 'Basic realm="Billetter", charset="UTF-8"' == denied.headers["www-authenticate"]


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
def _upstream() -> Iterator[int]:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Counting)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def test_nginx_keeps_its_connections_to_the_service(nginx: StartNginx) -> None:
    """Sixty requests of sixty clients need no more connections than nginx has workers."""
    with _upstream() as port:
        url = nginx(f"127.0.0.1:{port}")
        answers = [httpx.get(url + "/", verify=False).text for _ in range(60)]

    assert ["OK"] * 60 == answers
    assert _Counting.connections <= 10
