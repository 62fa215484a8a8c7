"""What does nginx in front cost, with our nginx.conf?

`python -m bench.nginx` storms one server with wrk directly and through nginx by turns, plain and by
TLS. Only the limits for one address are lifted, because wrk is one. nginx, wrk and the server share
the machine. Compares the ratios with those of `bench/results/nginx.json` and writes it anew;
`--smoke` does a little and prints.
"""

import argparse
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from bench import wrk
from bench.baseline import report
from bench.front import NGINX, nginx
from bench.http import FULL, SCENARIOS, SMOKE, WRK_MISSING, Size, Storm, by_turns, started
from bench.machine import described
from bench.shop import Shop
from bench.tasks import Figures

RESULTS = Path(__file__).parent / "results" / "nginx.json"
NAMES = ("book", "seats", "search")
CONNECTIONS = 256
NGINX_MISSING = "nginx is not installed: nothing was measured"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.nginx", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a little of one")
    chosen = parser.parse_args(arguments)
    missing = WRK_MISSING if not wrk.is_installed() else "" if NGINX else NGINX_MISSING
    results: Figures = {
        "command": " ".join(["python -m bench.nginx", *arguments]),
        "machine": described(),
        "connections": CONNECTIONS,
        "reference": "the same server without nginx, by turns",
    }
    if missing:
        results["missing"] = missing
        print(missing, file=sys.stderr)
    elif chosen.smoke:
        results["scenarios"] = measured(SMOKE, NAMES[:1])
    else:
        results["scenarios"] = measured(FULL, NAMES)
    report(results, RESULTS, kept=not missing and not arguments)


def measured(size: Size, names: tuple[str, ...]) -> Figures:
    """Every scenario, through nginx plain and by TLS, beside the server alone."""
    figures: Figures = {}
    connections = min(CONNECTIONS, size.connections_max)
    with TemporaryDirectory(prefix="billetter-bench-", dir=os.environ.get("BENCH_DIR")) as name:
        directory = Path(name)
        shop = Shop(directory, size.shop)
        for name in names:
            wrk.write_requests(directory / name, SCENARIOS[name].requests(shop))
            figures[name] = {}
            for tls in (False, True):
                with started(shop, directory) as server:
                    upstream = server.url.removeprefix("http://")
                    with nginx(directory, upstream, tls=tls, limited=False) as url:
                        through = Storm(server._replace(url=url), directory / name)
                        alone = Storm(server, directory / name)
                        found = by_turns(through, alone, connections, size)
                figures[name]["tls" if tls else "plain"] = {
                    "through" if side == "ours" else "alone" if side == "hello" else side: one
                    for side, one in found.items()
                }
                print(
                    name, "tls" if tls else "plain", orjson.dumps(found).decode(), file=sys.stderr
                )
    return figures


if __name__ == "__main__":
    main(sys.argv[1:])
