"""Watch people buy: `python -m bench.load`, and then open the page that it names.

It makes demo data, starts the server and both emulators, and locust with its web page, where
journeys and the number of people are chosen. Whatever else is given goes to locust: with
`--headless -u 200 -r 50 -t 60s` it plays without a page and prints figures as JSON; `--smoke` is a
little of that.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import orjson

from api.demo import initialise
from bench.machine import described
from bench.tasks import Figures
from bench.town import open_for_sale
from catalog import demo

ROOT = Path(__file__).resolve().parent.parent.parent
JOURNEYS = Path(__file__).with_name("journeys.py")
FAR_FROM_NOW = date(2099, 1, 10)  # so that every sale's event is still to come
PAGE = ["--class-picker", "--web-host", "127.0.0.1", "--web-port", "8089"]
SMOKE_PLAY = ["--headless", "-u", "12", "-r", "12", "-t", "5s"]


class Size(NamedTuple):
    users: int
    events: int
    archive: int


FULL = Size(users=10_000, events=10_000, archive=100_000)
SMOKE = Size(users=50, events=1_000, archive=100)


def main(arguments: list[str]) -> int:
    smoke = arguments == ["--smoke"]
    play = SMOKE_PLAY if smoke else arguments
    with TemporaryDirectory(prefix="billetter-bench-", dir=os.environ.get("BENCH_DIR")) as name:
        directory = Path(name)
        files = _initialise(directory, SMOKE if smoke else FULL)
        given = {"ACCOUNTS": str(files.users), "TITLES": str(files.events)}
        with open_for_sale(directory) as servers:
            command = [sys.executable, "-m", "locust", "-f", str(JOURNEYS)]
            command += ["--host", servers["server"].url, *play]
            if "--headless" not in play:
                return subprocess.call([*command, *PAGE], cwd=ROOT, env={**os.environ, **given})
            played = subprocess.run(
                [*command, "--json", "--only-summary", "--loglevel", "WARNING"],
                cwd=ROOT,
                env={**os.environ, **given},
                stdout=subprocess.PIPE,
                check=False,
            )
    told = orjson.loads(played.stdout)
    results = {
        "command": " ".join(["python -m bench.load", *arguments]),
        "machine": described(),
        "requests": {f"{one['method']} {one['name']}": figures(one) for one in told},
    }
    print(orjson.dumps(results, option=orjson.OPT_INDENT_2).decode())
    return played.returncode


def figures(told: dict[str, Any]) -> Figures:
    """Of one kind of request. Locust rounds what took longer than 100 ms to two digits."""
    times = sorted((float(ms), times) for ms, times in told["response_times"].items())
    shares = {"p50_ms": 0.5, "p99_ms": 0.99, "p999_ms": 0.999}
    return {
        "requests": told["num_requests"],
        "failures": told["num_failures"],
        **{name: _at(times, share) for name, share in shares.items()},
        "max_ms": round(told["max_response_time"], 1),
    }


def _at(times: Sequence[tuple[float, int]], share: float) -> float:
    """The time that so large a share of the requests did not exceed."""
    left = share * sum(number for _, number in times)
    for ms, number in times:
        left -= number
        if left <= 0:
            return ms
    return 0.0


def _initialise(directory: Path, size: Size) -> demo.Files:
    files = demo.write(directory / "files", today=FAR_FROM_NOW, **size._asdict())
    initialise(directory / "data", files)
    return files


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
