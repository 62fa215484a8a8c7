"""wrk, the load generator: one thread of C that takes less of the machine than what it measures."""

import subprocess
from pathlib import Path
from shutil import which
from typing import Any, NamedTuple

import orjson

TIMEOUT_SECONDS = 5
_SCRIPT = Path(__file__).with_suffix(".lua")


class Walk(NamedTuple):
    """Seats that complete the requests that end with `: `, one each, row by row from the first."""

    event_id: int
    seats_per_row: int


class Told(NamedTuple):
    """What one run found. `refused` counts statuses from 400 on, `errors` what had no answer in
    TIMEOUT_SECONDS or none at all, by kind: connect, read, write, timeout.

    Latencies are milliseconds from request to answer; wrk adds what a client who kept its pace
    would have waited while it stood still. `statuses` is empty unless it was asked for.
    """

    requests: int
    seconds: float
    next: int
    statuses: dict[str, int]
    refused: int
    errors: dict[str, int]
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float

    @property
    def rate(self) -> float:
        """Requests a second that were done what they ask; a refusal costs less than that."""
        return (self.requests - self.refused) / self.seconds


def is_installed() -> bool:
    return which("wrk") is not None


def write_requests(path: Path, requests: list[bytes]) -> None:
    """Where `run` reads them from; none may hold a NUL."""
    path.write_bytes(b"\0".join(requests))


def run(
    url: str,
    requests: Path,
    *,
    connections: int,
    seconds: int,
    first: int = 0,
    walk: Walk | None = None,
    statuses: bool = False,
) -> Told:
    """Send the requests round and round, beginning with number `first`."""
    load = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", f"{TIMEOUT_SECONDS}s"]
    arguments = [str(requests), str(first), "statuses" if statuses else "-"]
    arguments += map(str, walk or ())
    command = ["wrk", *load, "-s", str(_SCRIPT), url, "--", *arguments]
    done = subprocess.run(command, capture_output=True, check=True)
    told: dict[str, Any] = orjson.loads(done.stdout.splitlines()[-1])
    return Told(**told)
