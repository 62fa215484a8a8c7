"""Power cuts under the real server and the real kernel: images of its volume, taken as it sells.

A case is one image. The server sells from a small volume (volume.py) to clients who quarrel; at
some moment an image of the volume is taken, while the server goes on. The image is mounted, and
what is there is compared with what its clients had been told before: none of it may be missing,
and whatever is beyond it must be something that was under way. The store is verified as an
operator would, and another server sells from it. In the last cases the volume is filled before,
until it has not one byte free.

A kill leaves the page cache to the next server; here it is gone. When the image is taken is up to
the machine, so a case doesn't come again as it was. After a violation the image, mounted since, and
what was told are kept. Where nothing may be mounted, the only case says so.
"""

import asyncio
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

from engine.verify import verify_store
from torture.servers.child import Server, started, wait_until_ready
from torture.servers.clients import Crowd
from torture.servers.history import UNKNOWN, Check, Op, summed
from torture.servers.ports import free_port
from torture.servers.shop import Shop, command, made
from torture.servers.volume import Volume, can_mount, copied_onto, mounted, mounted_volume
from torture.tally import Hang, Tally, Violation, first_line
from wal import read_records

IMAGES, FULL = 300, 50
CLIENTS = 32
CALLS_MIN, CALLS_MAX = CLIENTS, 2_000
CALLS_WHEN_FULL = 400  # the rest of a life whose volume is full
CALLS_AFTER = 2 * CLIENTS  # at the server that sells from the image
# Every second call or so makes a record. One snapshot is due in a life, and never two, so the log
# goes back to its beginning. It is made after two seconds: one life in so many is slow enough.
SNAPSHOT_RECORDS = 600
SLOW_EVERY = 3
SLOW_CALLS_MIN, SLOW_PAUSE_SECONDS = 1_300, 0.1  # 32 clients: at most 320 calls a second
HOLD_SECONDS = 60  # no hold ends under this server
NO_MOUNT = "skipped: no volume can be mounted and frozen here"


def count(seed: int) -> int:
    return IMAGES + FULL if can_mount() else 1


def case(seed: int, number: int, found: Tally) -> str:
    """The image of this number, and what is found in it."""
    if not can_mount():
        return NO_MOUNT
    directory = Path(tempfile.mkdtemp(prefix="billetter-images-"))
    try:
        outcome = _Sale(directory, f"images/{seed}/{number}").photographed(
            found, is_full=number >= IMAGES
        )
    except (Exception, Hang) as failure:
        raise Violation(f"{first_line(failure)}; kept in {directory}") from failure
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    shutil.rmtree(directory, ignore_errors=True)
    return outcome


@cache
def _template() -> Shop:
    """A shop to be copied; gone with this process."""
    directory = Path(tempfile.mkdtemp(prefix="billetter-template-"))
    weakref.finalize(_template, shutil.rmtree, directory, ignore_errors=True)
    return made(directory)


class _Sale:
    """A server on a volume, its clients, and the image."""

    def __init__(self, directory: Path, seed: str) -> None:
        self._directory = directory
        self._random = Random(seed)
        self._image = directory / "image.ext4"
        self._log = directory / "serve.log"
        self._check = Check()
        self._crowd = Crowd(_template().users[:CLIENTS], seed=seed, keyed=0.5)

    def photographed(self, found: Tally, *, is_full: bool) -> str:
        """Sell, take the image, and look into it."""
        with mounted_volume(self._directory) as volume:
            data = copied_onto(volume, _template().data)
            with self._serving(data) as server:
                asyncio.run(self._sell(server, volume, is_full=is_full))
        with mounted(self._image, self._directory / "image") as path:
            self._compare(path / "data", found)
            if is_full:
                (path / "ballast").unlink(missing_ok=True)  # its name may not be in the journal yet
            self._sell_again(path / "data")
        found.outcomes += summed(self._check.counts)
        found.outcomes["records"] += self._check.lsn
        return "image of a full volume" if is_full else "image"

    async def _sell(self, server: Server, volume: Volume, *, is_full: bool) -> None:
        """Clients call, and the image is taken under them; their calls are left as it knows them.

        Once the volume is full, most clients are refused and leave: then whoever is left may be
        nobody.
        """
        is_slow = self._random.randrange(SLOW_EVERY) == 0
        calls = self._random.randint(SLOW_CALLS_MIN if is_slow else CALLS_MIN, CALLS_MAX)
        pause_seconds = SLOW_PAUSE_SECONDS if is_slow else 0.0
        acting = asyncio.create_task(self._crowd.act(server.port, lambda: False, pause_seconds))
        await self._until(calls, acting)
        if self._crowd.left or len(self._crowd.ops) < calls:
            raise Violation(f"{self._crowd.left} clients were hung up on")
        if is_full:
            await asyncio.to_thread(volume.fill)
            await self._until(len(self._crowd.ops) + CALLS_WHEN_FULL, acting)
        began = time.perf_counter()
        await asyncio.to_thread(volume.take_image, self._image)
        ended = time.perf_counter()
        await asyncio.to_thread(server.kill)
        await acting
        self._crowd.ops = as_of_image(self._crowd.ops, began, ended)

    async def _until(self, calls: int, acting: "asyncio.Task[None]") -> None:
        while len(self._crowd.ops) < calls and not acting.done():
            await asyncio.wait([acting], timeout=0.001)

    def _compare(self, data: Path, found: Tally) -> None:
        self._add(data)
        findings = verify_store(data)
        if findings.fault:
            raise Violation(f"the store doesn't verify: {findings.fault}")
        found.outcomes["snapshots"] += len(findings.snapshots)
        found.outcomes["torn images"] += findings.torn_bytes > 0

    def _add(self, data: Path) -> None:
        self._check.add(self._crowd.ops, read_records(data / "wal", self._check.lsn))

    def _sell_again(self, data: Path) -> None:
        """Other clients at a server of the image: it must answer out of what its log says."""
        users = _template().users[CLIENTS : 2 * CLIENTS]
        self._crowd = Crowd(users, seed=self._random.random(), keyed=0.5)
        with self._serving(data) as server:
            calls = self._crowd.act(server.port, lambda: len(self._crowd.ops) >= CALLS_AFTER)
            asyncio.run(calls)
            server.kill()
        if len(self._crowd.ops) < CALLS_AFTER:
            raise Violation("the next server has stopped answering")
        self._add(data)

    @contextmanager
    def _serving(self, data: Path) -> Iterator[Server]:
        port = free_port()
        shop = Shop(data, _template().users, self._log)
        words = command(shop, port, snapshot_records=SNAPSHOT_RECORDS, hold_seconds=HOLD_SECONDS)
        with started(words, url=f"http://127.0.0.1:{port}", log=self._log) as server:
            wait_until_ready(server, "/readyz")
            yield server


def as_of_image(ops: list[Op], began: float, ended: float) -> list[Op]:
    """The calls as an image knows them that was taken between two times.

    Whoever was answered before it began must find it there. Other calls may be in it or not,
    unless they were made after it had ended: those can't be.
    """
    return [
        op if op.end < began else replace(op, status=UNKNOWN, end=float("inf"), answer=None, lsn=0)
        for op in ops
        if op.start < ended
    ]
