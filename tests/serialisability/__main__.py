"""`python -m tests.serialisability --ops 1000000`: a long quarrel about few seats, checked whole.

Server after server is killed under its clients; after each, everything they were told is compared
with the log. It ends by itself, and its report says on which machine and day it ran.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from tqdm import tqdm

from api import store
from bench.machine import described
from catalog import demo
from tests.serialisability.clients import Crowd, User, active_users, kill_under
from tests.serialisability.history import Check
from tests.server.conftest import child, free_port
from wal import read_records

USERS = 300
# Of one server; the log goes back at least so far, because snapshots come more seldom.
OPS_PER_SERVER = 25_000
SNAPSHOT_RECORDS = 100_000


def main() -> None:
    options = _options()
    check, began, servers = Check(), time.monotonic(), 0
    with tempfile.TemporaryDirectory() as directory:
        data, users = _made(Path(directory))
        with tqdm(total=options.ops, unit="calls", desc="calls") as bar:
            while bar.n < options.ops:
                ops = min(OPS_PER_SERVER, options.ops - bar.n)
                bar.update(_one_server(check, data, users, ops=ops, seed=options.seed + servers))
                servers += 1
    report = {
        **described(),
        "seed": options.seed,
        "calls": bar.n,
        "servers_killed": servers,
        "records": check.lsn,
        "seconds": round(time.monotonic() - began),
        "by_call_and_status": dict(sorted(check.counts.items())),
    }
    text = json.dumps(report, indent=1, ensure_ascii=False)
    sys.stdout.write(text + "\n")
    if options.report is not None:
        options.report.write_text(text + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--ops", type=int, default=100_000, help="calls in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, help="a JSON file to write")
    return parser.parse_args()


def _made(directory: Path) -> tuple[Path, list[User]]:
    files = demo.write(directory, today=date(2027, 1, 10), users=USERS, events=41, archive=0)
    data = directory / "data"
    store.initialise(
        data,
        users=files.users,
        events=files.events,
        archive=None,
        halls=files.halls,
        timezone=store.time_zone("Asia/Almaty"),
        progress=False,
    )
    return data, active_users(files.users)


def _one_server(check: Check, data: Path, users: list[User], *, ops: int, seed: int) -> int:
    port = free_port()
    options = ["--data", str(data), "--port", str(port)]
    options += ["--snapshot-records", str(SNAPSHOT_RECORDS)]
    url, log = f"http://127.0.0.1:{port}", data.parent / "serve.log"
    with child(["serve", *options], url=url, ready="/readyz", log=log) as server:
        crowd = Crowd(port, users, seed=seed)
        asyncio.run(kill_under(crowd, server, ops))
    check.add(crowd.ops, read_records(data / "wal", check.lsn))
    return len(crowd.ops)


if __name__ == "__main__":
    main()
