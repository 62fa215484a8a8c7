"""nginx in front of a server with the project's own nginx.conf: ports and paths are others."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from torture.servers.ports import free_port

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
OPENSSL = shutil.which("openssl")
CONF = Path(__file__).parent.parent / "nginx.conf"
READY_SECONDS_MAX = 20


@contextmanager
def nginx(
    directory: Path, upstream: str, *, tls: bool = True, limited: bool = True
) -> Iterator[str]:
    """Its address while it runs in front of host:port; `directory` is for its files.

    A whole crowd comes from one address here: without `limited` it may.
    """
    assert NGINX is not None, "nginx is not installed"
    port, plain = free_port(), free_port()
    conf = _rewritten(directory, upstream=upstream, port=port, plain=plain, tls=tls)
    if not limited:
        conf.write_text(_unlimited(conf.read_text()))
    command = [NGINX, "-c", str(conf), "-p", str(directory)]
    checked = subprocess.run([*command, "-t"], capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr.decode()
    # Root's workers would be somebody else, who may not write into a directory of root's.
    user = "user root; " if os.geteuid() == 0 else ""
    process = subprocess.Popen([*command, "-g", f"{user}daemon off;"], stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{plain}/")
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def seconds_of(directive: str) -> float:
    """How long nginx.conf gives a client, by the directive's name."""
    (found,) = re.findall(rf"^    {directive} (\d+)s;", CONF.read_text(), re.MULTILINE)
    return float(found)


def _rewritten(directory: Path, *, upstream: str, port: int, plain: int, tls: bool) -> Path:
    """The committed file with other ports and paths; each replacement must find its text."""
    certificate, key = own_certificate(directory)
    text = CONF.read_text()
    for old, new in {
        "server 127.0.0.1:8081 ": f"server {upstream} ",
        "listen 443 ssl ": f"listen 127.0.0.1:{port}{' ssl' if tls else ''} ",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "/var/cache/billetter-nginx ": f"{directory / 'cache'} ",
        "/etc/billetter/tls.crt": str(certificate),
        "/etc/billetter/tls.key": str(key),
        "/run/nginx.pid": str(directory / "nginx.pid"),
        "/var/log/nginx/billetter-error.log": str(directory / "error.log"),
    }.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    conf = directory / "nginx.conf"
    conf.write_text(text)
    return conf


def _unlimited(text: str) -> str:
    found, count = re.subn(r"^ *limit_(conn|req) .*$", "", text, flags=re.MULTILINE)
    assert count == 5, "of connections, requests, news, and of streams beside connections"
    return found


def own_certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key, of the kind that most authorities give today."""
    certificate, key = directory / "tls.crt", directory / "tls.key"
    assert OPENSSL is not None, "openssl, which makes the certificate, is missing"
    subprocess.run(
        f"{OPENSSL} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
        " -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
        f" -keyout {key} -out {certificate}".split(),
        check=True,
        capture_output=True,
    )
    return certificate, key


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline:
        try:
            httpx.get(url, timeout=2)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("nginx did not start")
