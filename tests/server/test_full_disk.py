"""A disk that fills up under a selling server, and has room again."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.buyer import Buyer, Cashier, eventually
from tests.server.conftest import StartServer, selling
from torture.servers.child import Server

pytestmark = pytest.mark.server
HALL = 7  # an event of our own
# Room for the data and three segments of 16 MiB; a server wants two of them free.
DISK_BYTES = 96 << 20
CALLS_MAX = 3_000  # the next segment is made ready long before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, in memory."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", str(disk)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Leave not one byte free."""
    ballast = disk / "ballast"
    full = pytest.raises(OSError, match=os.strerror(errno.ENOSPC))
    with full, ballast.open("wb", buffering=0) as file:
        while file.write(bytes(1 << 20)):
            pass
    assert 0 == os.statvfs(disk).f_bavail
    return ballast


def test_a_full_disk_stops_new_sales_only(
    data: Path, small_disk: Path, serve: StartServer, emulators: dict[str, Server]
) -> None:
    """Whoever holds or has paid can let go and gets the money back; with space, sales go on."""
    on_disk = Path(shutil.copytree(data, small_disk / "data"))
    server = serve(on_disk, *selling(emulators))
    with Buyer(server.url) as buyer, Cashier(emulators["gateway"].url) as cashier:
        paid, _ = buyer.hold(HALL)
        location = buyer.initiate_payment(paid).headers["location"]
        cashier.pay(location)
        eventually(lambda: buyer.analytics(HALL)["sold_seats"], 1)
        held, (kept, returned) = buyer.hold(HALL, seats=2)
        left, _ = buyer.hold(HALL, seats=1)
        empty = buyer.book(HALL)

        ballast = fill(small_disk)
        refused = until_refused(buyer)

        assert ("/problems/busy", "1") == (refused["type"], refused["retry_after"])
        before = buyer.bookings()
        free = buyer.seats(HALL, status="FREE")[0]["id"]
        assert 503 == buyer.select(empty, free)
        assert 503 == buyer.initiate_payment(held).status_code
        assert before == buyer.bookings(), "something was applied"
        assert "FREE" == buyer.seat(HALL, free)["status"]

        assert (200, 200, 200) == (
            buyer.release(returned),
            buyer.cancel(left),
            buyer.cancel(paid),
        )
        eventually(lambda: cashier.payment(location)["status"], "REFUNDED")
        eventually(lambda: buyer.analytics(HALL)["sold_seats"], 0)

        ballast.unlink()
        eventually(lambda: buyer.select(empty, free), 200)
        told = buyer.bookings()
    assert 0 == server.terminate()

    verify = [sys.executable, "-m", "api", "verify", "--data", str(on_disk)]
    assert 0 == subprocess.run(verify, capture_output=True, check=False).returncode
    with Buyer(serve(on_disk).url) as buyer:
        assert told == buyer.bookings()
        assert [kept] == told[held]


def until_refused(buyer: Buyer) -> dict[str, str]:
    """Book until that is refused; the problem that is told."""
    for _ in range(CALLS_MAX):
        answer = buyer.http.post("/api/bookings", json={"event_id": HALL})
        if answer.status_code != 201:
            assert 503 == answer.status_code, answer.text
            return {**answer.json(), "retry_after": answer.headers["retry-after"]}
    pytest.fail("a full disk was never noticed")
