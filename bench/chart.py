"""Lines on axes, as SVG: small enough to be read, and the same bytes from the same figures."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 64, 44
# Told apart by everybody, and in grey: dark first.
COLOURS = ("#0b3d91", "#d9822b", "#5aa469", "#8e7cc3")

Point = tuple[float, float]


class Axis(NamedTuple):
    """A label with its unit, and where the marks are; what is logarithmic has no zero."""

    label: str
    marks: tuple[float, ...]
    logarithmic: bool

    def share(self, value: float) -> float:
        """Where a value lies between the first mark and the last, from 0 to 1."""
        first, last = self.marks[0], self.marks[-1]
        if self.logarithmic:
            return log10(value / first) / log10(last / first)
        return (value - first) / (last - first)


class Chart(NamedTuple):
    """Lines by their names."""

    title: str
    x: Axis
    y: Axis
    lines: Mapping[str, Sequence[Point]]


def linear(label: str, values: Iterable[float]) -> Axis:
    """From zero to a round number that is not below any value."""
    most = max(values)
    power = 10.0 ** floor(log10(most))
    step = next(one * power / 5 for one in (1, 2, 5, 10) if one * power >= most)
    return Axis(label, tuple(step * at for at in range(6)), logarithmic=False)


def logarithmic(label: str, values: Iterable[float]) -> Axis:
    """Powers of ten around all values, at least two of them."""
    found = list(values)
    first, last = floor(log10(min(found))), ceil(log10(max(found)))
    marks = tuple(10.0**at for at in range(first, max(last, first + 1) + 1))
    return Axis(label, marks, logarithmic=True)


def at_values(label: str, values: Iterable[float], *, logarithmic: bool) -> Axis:
    """A mark where something was measured."""
    return Axis(label, tuple(sorted(set(values))), logarithmic=logarithmic)


def drawn(charts: Sequence[Chart], note: str) -> str:
    """Side by side, with a note below; text of an SVG file."""
    parts = [
        f'<g transform="translate({at * WIDTH} 0)">{"".join(_parts(chart))}</g>'
        for at, chart in enumerate(charts)
    ]
    width, height = WIDTH * len(charts), HEIGHT + 24
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            ' font-family="system-ui, sans-serif" font-size="12" fill="#333">',
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
            *parts,
            f'<text x="{LEFT}" y="{HEIGHT + 12}" fill="#777">{escape(note)}</text>',
            "</svg>\n",
        ]
    )


def _parts(chart: Chart) -> Iterable[str]:
    yield _text(LEFT, 20, chart.title, 'font-size="14" font-weight="600"')
    yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, chart.x.label, 'text-anchor="middle"')
    yield _text(LEFT, TOP - 10, chart.y.label, 'fill="#777"')
    for mark in chart.y.marks:
        y = _y(chart, mark)
        yield f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e3e3e3"/>'
        yield _text(LEFT - 8, y + 4, _number(mark), 'text-anchor="end"')
    for mark in chart.x.marks:
        yield _text(_x(chart, mark), HEIGHT - BOTTOM + 18, _number(mark), 'text-anchor="middle"')
    for at, (name, points) in enumerate(chart.lines.items()):
        colour = COLOURS[at]
        places = [f"{_x(chart, x):.1f} {_y(chart, y):.1f}" for x, y in points]
        yield f'<path d="M{"L".join(places)}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for place in places:
            yield '<circle cx="{}" cy="{}" r="3" fill="{}"/>'.format(*place.split(), colour)
        yield _text(LEFT + at * 110, 38, name, f'fill="{colour}" font-weight="600"')


def _x(chart: Chart, value: float) -> float:
    return LEFT + chart.x.share(value) * (WIDTH - LEFT - RIGHT)


def _y(chart: Chart, value: float) -> float:
    return HEIGHT - BOTTOM - chart.y.share(value) * (HEIGHT - TOP - BOTTOM)


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"
