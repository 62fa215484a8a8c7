"""What does nginx in front cost, with our nginx.conf?

`python -m bench.nginx` storms one server with wrk directly and through nginx by turns: plain, by
TLS, and by TLS beside a server with TLS of its own, because TLS costs without nginx, too. Only the
limits for one address are lifted, because wrk is one. nginx, wrk and the server share the machine.
Compares the ratios with those of `bench/results/nginx.json` and writes it anew; `--smoke` does a
little and prints.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import orjson

from bench import wrk
from bench.baseline import report
from bench.front import NGINX, nginx, own_certificate
from bench.http import FULL, SCENARIOS, SMOKE, WRK_MISSING, Size, Storm, by_turns, started
from bench.machine import described
from bench.serving import Server, served
from bench.shop import Shop
from bench.tasks import Figures

RESULTS = Path(__file__).parent / "results" / "nginx.json"
NAMES = ("book", "seats", "search")
CONNECTIONS = 256
NGINX_MISSING = "nginx is not installed: nothing was measured"
SIDES = {"ours": "through", "hello": "alone"}  # what `by_turns` calls the two


class Way(NamedTuple):
    """How nginx is asked, and whether the server it is compared with speaks TLS itself."""

    name: str
    tls: bool
    own_tls: bool = False


WAYS = (
    Way("plain", tls=False),
    Way("tls", tls=True),
    Way("tls_beside_own", tls=True, own_tls=True),
)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.nginx", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a little of one")
    chosen = parser.parse_args(arguments)
    missing = WRK_MISSING if not wrk.is_installed() else "" if NGINX else NGINX_MISSING
    results: Figures = {
        "command": " ".join(["python -m bench.nginx", *arguments]),
        "machine": described(),
        "connections": CONNECTIONS,
        "reference": "the server without nginx, by turns; in tls_beside_own it has TLS of its own",
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
    """Every scenario through nginx in every way, beside the server alone."""
    figures: Figures = {}
    connections = min(CONNECTIONS, size.connections_max)
    with TemporaryDirectory(prefix="billetter-bench-", dir=os.environ.get("BENCH_DIR")) as name:
        directory = Path(name)
        shop = Shop(directory, size.shop)
        for name in names:
            wrk.write_requests(directory / name, SCENARIOS[name].requests(shop))
            figures[name] = {}
            for way in WAYS:
                with both(shop, directory, way) as (through, alone):
                    found = by_turns(
                        Storm(through, directory / name),
                        Storm(alone, directory / name),
                        connections,
                        size,
                    )
                figures[name][way.name] = {
                    SIDES.get(side, side): one for side, one in found.items()
                }
                print(name, way.name, orjson.dumps(found).decode(), file=sys.stderr)
    return figures


@contextmanager
def both(shop: Shop, directory: Path, way: Way) -> Iterator[tuple[Server, Server]]:
    """The server through nginx, and alone: the same one, or another where that has TLS itself."""
    with ExitStack() as stack:
        upstream = alone = stack.enter_context(started(shop, directory))
        if way.own_tls:
            alone = stack.enter_context(with_own_tls(shop, directory))
        address = upstream.url.removeprefix("http://")
        url = stack.enter_context(nginx(directory, address, tls=way.tls, limited=False))
        yield upstream._replace(url=url), alone


@contextmanager
def with_own_tls(shop: Shop, directory: Path) -> Iterator[Server]:
    """A server that speaks TLS, with a fresh copy of the shop's directory."""
    data = directory / "own_tls"
    shutil.copytree(shop.data, data)
    certificate, key = own_certificate(data)
    files = ["--data", str(data), "--certificate", str(certificate), "--key", str(key)]
    module = ["bench.own_tls", *files, "--port"]
    try:
        with served(
            module, directory / "own_tls.log", "/readyz", certificate=certificate
        ) as server:
            yield server
    finally:
        shutil.rmtree(data)


if __name__ == "__main__":
    main(sys.argv[1:])
