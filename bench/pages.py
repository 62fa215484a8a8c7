"""What pages cost a browser that was never here: bytes, requests, and how long until they serve.

`python -m bench.pages` opens the search, a small hall and the stadium of 100,000 seats in Chromium,
each five times with nothing kept, on a desktop and as a phone whose processor is four times
slower, and writes `bench/results/pages.json`. `--smoke` opens each once and prints.
"""

import os
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Browser

from bench.baseline import report
from bench.machine import described
from bench.opened import Shop, chromium, opened
from bench.smoke import is_smoke
from bench.tasks import Figures
from bench.visitor import DESKTOP, PHONE, Visitor

RESULTS = Path(__file__).parent / "results" / "pages.json"
ADDRESSES = {"search": "/", "hall of 1,000": "/event?id=7", "hall of 100,000": "/event?id=1"}
SLOWER = {"desktop": 1, "phone": 4}
SCREENS: dict[str, dict[str, Any]] = {"desktop": DESKTOP, "phone": PHONE}
TURNS = 5
# When the hall's states had come and when they were drawn, since the address was asked for.
MARKS = """new Promise((resolve) => {
  const at = (name) => performance.getEntriesByName(name)[0]?.startTime;
  const look = () =>
    at("hall-ready") ? resolve([at("hall-data"), at("hall-ready")]) : requestAnimationFrame(look);
  look();
})"""


def main(arguments: list[str]) -> None:
    only_smoke = is_smoke("bench.pages", __doc__, arguments)
    with (
        TemporaryDirectory(prefix="billetter-bench-", dir=os.environ.get("BENCH_DIR")) as directory,
        opened(Path(directory)) as shop,
        chromium() as browser,
    ):
        results: Figures = {
            "command": " ".join(["python -m bench.pages", *arguments]),
            "machine": described(),
            "load": round(os.getloadavg()[0], 1),
            "browser": browser.version,
            "processor_slower": SLOWER,
            "pages": measured(browser, shop, turns=1 if only_smoke else TURNS),
        }
    report(results, RESULTS, kept=not only_smoke)


def measured(browser: Browser, shop: Shop, *, turns: int) -> Figures:
    """By page and screen: bytes and requests of a first view, and milliseconds until it serves.

    A hall serves when it is drawn: `ready` since the address was asked for, `from_map` since the
    states of its seats have come. The search serves when its list is there.
    """
    figures: Figures = {}
    for name, address in ADDRESSES.items():
        for screen in SCREENS:
            views = []
            for _ in range(turns):
                with Visitor(browser, shop, **SCREENS[screen]) as visitor:
                    views.append(first_view(visitor, address, slower=SLOWER[screen]))
            figures[f"{name}, {screen}"] = {
                "bytes": max(one["bytes"] for one in views),
                "requests": max(one["requests"] for one in views),
                **{
                    f"{time}_ms": middle_and_longest([one[time] for one in views])
                    for time in ("ready", "from_map")
                    if time in views[0]
                },
            }
    return figures


def middle_and_longest(times_ms: list[float]) -> dict[str, int]:
    return {"middle": round(median(times_ms)), "longest": round(max(times_ms))}


def first_view(visitor: Visitor, address: str, *, slower: int = 1) -> dict[str, float]:
    """Open an address as somebody who was never here; `bytes` are those on the wire."""
    network = visitor.context.new_cdp_session(visitor.page)
    sizes: list[float] = []
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda told: sizes.append(told["encodedDataLength"]))
    network.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    visitor.open(address)
    visitor.page.get_by_role("main").get_by_role("listitem").first.wait_for()
    view: dict[str, float] = {}
    if "event" in address:
        came, drawn = visitor.page.evaluate(MARKS)
        view |= {"ready": drawn, "from_map": drawn - came}
        visitor.hall_is_there()  # followed, and so all that it has asked for is there
    else:
        view |= {"ready": visitor.page.evaluate("performance.now()")}
    return {"bytes": sum(sizes), "requests": len(sizes), **view}


if __name__ == "__main__":
    main(sys.argv[1:])
