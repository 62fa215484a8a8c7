"""Draws what the other benchmarks have written: `python -m bench.plots`.

`bench/results/connections.svg` is throughput and p99 over HTTP against connections, and `fill.svg`
the same in the engine against how much of the hall is sold. What was not measured is named.
"""

import sys
from pathlib import Path
from typing import Any

from bench import chart
from bench.baseline import committed
from bench.chart import Chart, Point

RESULTS = Path(__file__).parent / "results"
CONNECTIONS_KINDS = {"book": "book, durable", "select": "select, durable"}


def main(results: Path) -> None:
    drawings = {"connections": (connections, "http"), "fill": (fill, "engine")}
    for name, (draw, source) in drawings.items():
        figures = committed(results / f"{source}.json")
        if not figures:
            print(f"{source}.json is missing: {name}.svg is not drawn", file=sys.stderr)
            continue
        machine = figures["machine"]
        note = (
            f"{figures['command']}, {machine['cpu']}, {machine['cores']} cores, {machine['date']}"
        )
        (results / f"{name}.svg").write_text(chart.drawn(draw(figures), note), encoding="utf-8")


def connections(figures: dict[str, Any]) -> list[Chart]:
    """Ours beside the ceiling, a hello-world on the same server."""
    found = figures["scenarios"]
    kinds = {name: found[kind] for kind, name in CONNECTIONS_KINDS.items() if kind in found}

    def lines(figure: str) -> dict[str, list[Point]]:
        ours = {name: _points(by, "ours", figure) for name, by in kinds.items()}
        return {**ours, "hello-world": _points(next(iter(kinds.values())), "hello", figure)}

    rate, p99 = lines("per_s"), lines("p99_ms")
    x = chart.at_values("connections", _values(rate, 0), logarithmic=True)
    return [
        Chart("Throughput", x, chart.linear("answers a second", _values(rate, 1)), rate),
        Chart("Time to the answer, p99", x, chart.logarithmic("ms", _values(p99, 1)), p99),
    ]


def fill(figures: dict[str, Any]) -> list[Chart]:
    """Durable selects and releases, 256 to a flush, and pages of FREE seats."""
    fills = {name: one for name, one in figures["fill"].items() if name.isdecimal()}
    rate = {"select and release": _points(fills, "select", "per_s_p50")}
    p99 = {
        "FREE page, p99": _points(fills, "free_page", "p99_us"),
        "FREE page, p50": _points(fills, "free_page", "p50_us"),
        "dealt, p99": _points(fills, "deal", "p99_us"),
    }
    x = chart.at_values("percent of the seats SOLD", _values(rate, 0), logarithmic=False)
    return [
        Chart(
            "Throughput of the engine",
            x,
            chart.linear("calls a second, 256 to a flush", _values(rate, 1)),
            rate,
        ),
        Chart("Time of one call", x, chart.logarithmic("µs", _values(p99, 1)), p99),
    ]


def _points(by_x: dict[str, Any], side: str, figure: str) -> list[Point]:
    return sorted((float(x), one[side][figure]) for x, one in by_x.items())


def _values(lines: dict[str, list[Point]], axis: int) -> list[float]:
    return [point[axis] for points in lines.values() for point in points]


if __name__ == "__main__":
    main(RESULTS)
