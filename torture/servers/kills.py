"""kill -9 of the real server under 64 clients, life after life on one data directory.

A case is one life: clients call over HTTP until the server is killed, after so many calls, the
supervisor, its worker, or both, under a snapshot maybe; or before it has begun to answer. Then all
they were told is compared with the log (history.py), and the store is verified as an operator
would. After every few lives all calls get a second opinion that doesn't ask the log (linear.py).
Clients ask the next life again for what the last one left unanswered.

Which call is cut off is up to the machine, so a case doesn't come again as it was. After a
violation its directory is kept, and the next case begins with a new one.
"""

import asyncio
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random

from engine.verify import verify_store
from torture.servers.child import Server, started, wait_until_ready
from torture.servers.clients import Crowd, kill_under
from torture.servers.history import UNKNOWN, Check, Op, summed
from torture.servers.linear import require_an_order
from torture.servers.ports import free_port
from torture.servers.shop import command, made
from torture.tally import Hang, Tally, Violation, first_line
from wal import read_records

CASES = 1_000
CLIENTS = 64
LIVES_PER_DIRECTORY = 100
ORDERED_EVERY = 5  # all lives so far, again: a hundred of them take seconds
# A server that answers nothing would pass: it must take so many calls before it is killed.
CALLS_MIN, CALLS_MAX = CLIENTS, 3_000  # a million calls in a thousand lives
# What two or three lives write. Two snapshots of what one life has added would take more records
# and eight seconds, so when it is compared the log still goes back to where the life began.
SNAPSHOT_RECORDS = 1_200
# One life in so many is long enough for a snapshot, which is made after two seconds; its clients
# take their time, or they would be through with their calls by then.
LONG_EVERY = 3
LONG_PAUSE_SECONDS = 0.4  # 64 clients: at most 160 calls a second
LONG_CALLS_MIN, LONG_CALLS_MAX = 300, 600
HOLD_SECONDS = 10  # some holds end under the next server
KEYED = 0.5
START_SECONDS_MAX = 2.5  # a killed start ends somewhere between the first import and the first call

_Kill = Callable[[Server], object]
# The name of a death, how often it comes, and how; None: while it starts.
DEATHS: tuple[tuple[str, int, _Kill | None], ...] = (
    ("both killed", 5, Server.kill),
    ("worker killed", 2, Server.kill_worker),
    ("supervisor killed", 2, Server.kill_supervisor),
    ("killed while starting", 1, None),
)


def count(seed: int) -> int:
    """There is no end of lives: so many are lived."""
    return CASES


_dynasties: dict[int, "Dynasty"] = {}  # of this process, by seed: a life needs those before it


def case(seed: int, number: int, found: Tally) -> str:
    """One life on the directory that this process is using."""
    dynasty = _dynasties.pop(seed, None) or Dynasty(f"kills/{seed}/{number}")
    try:
        outcome = dynasty.live(Random(f"kills/{seed}/{number}"), found)
        if dynasty.lives % ORDERED_EVERY == 0:
            found.outcomes["calls ordered by seat"] += dynasty.ordered()
    except (Exception, Hang) as failure:
        raise Violation(f"{first_line(failure)}; kept in {dynasty.kept()}") from failure
    if dynasty.lives < LIVES_PER_DIRECTORY:
        _dynasties[seed] = dynasty
    return outcome


class Dynasty:
    """A data directory and all the servers that have lived on it; gone with this object."""

    def __init__(self, seed: object, environment: Mapping[str, str] | None = None) -> None:
        """The servers get `environment` beside our own."""
        self.lives = 0
        self.check = Check()
        self._history: list[Op] = []  # of all lives
        self._snapshots: set[int] = set()  # that were ever seen, by LSN
        self._environment = environment
        self._directory = Path(tempfile.mkdtemp(prefix="billetter-kills-"))
        # Errors: a snapshot may still be under way.
        self._removal = weakref.finalize(self, shutil.rmtree, self._directory, ignore_errors=True)
        self._shop = made(self._directory)
        self.crowd = Crowd(self._shop.users[:CLIENTS], seed=seed, keyed=KEYED)

    def live(self, random: Random, found: Tally) -> str:
        """Start a server, kill it, compare; returns how it died, raises Violation and others."""
        ((name, _, kill),) = random.choices(DEATHS, [often for _, often, _ in DEATHS])
        port = free_port()
        words = command(
            self._shop, port, snapshot_records=SNAPSHOT_RECORDS, hold_seconds=HOLD_SECONDS
        )
        self.crowd.ops = []
        url = f"http://127.0.0.1:{port}"
        with started(words, url=url, log=self._shop.log, environment=self._environment) as server:
            if kill is None:
                time.sleep(random.uniform(0, START_SECONDS_MAX))
                server.kill()
            else:
                wait_until_ready(server, "/readyz")
                asyncio.run(self._killed(server, kill, random))
        ended = time.perf_counter()
        self._history += (
            replace(op, end=ended) if op.status == UNKNOWN else op for op in self.crowd.ops
        )
        self._compare(found)
        self.lives += 1
        return name

    def ordered(self) -> int:
        """How many calls have an order, seat by seat; raises Contradiction if one has none."""
        return require_an_order(self._history, hold_seconds=HOLD_SECONDS)

    async def _killed(self, server: Server, kill: _Kill, random: Random) -> None:
        is_long = random.randrange(LONG_EVERY) == 0
        least, most = (LONG_CALLS_MIN, LONG_CALLS_MAX) if is_long else (CALLS_MIN, CALLS_MAX)
        calls = random.randint(least, most)
        pause_seconds = LONG_PAUSE_SECONDS if is_long else 0.0
        await kill_under(
            self.crowd, server, calls, lambda: kill(server), pause_seconds=pause_seconds
        )

    def _compare(self, found: Tally) -> None:
        self.check.counts.clear()
        begun_lsn = self.check.lsn
        self.check.add(self.crowd.ops, read_records(self._shop.data / "wal", begun_lsn))
        found.outcomes += summed(self.check.counts)
        found.outcomes["records"] += self.check.lsn - begun_lsn
        findings = verify_store(self._shop.data)
        if findings.fault:
            raise Violation(f"the store doesn't verify: {findings.fault}")
        found.outcomes["snapshots"] += len(set(findings.snapshots) - self._snapshots)
        self._snapshots |= set(findings.snapshots)

    def kept(self) -> Path:
        """The directory, which outlives this object from now on."""
        self._removal.detach()
        return self._directory
