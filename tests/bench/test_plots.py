"""Figures become lines that can be read, and a benchmark that wasn't run is named."""

from pathlib import Path
from xml.etree import ElementTree

import orjson
import pytest

from bench import chart, plots

MACHINE = {"cpu": "one <of> these", "cores": 2, "date": "2026-11-24"}
SIDE = {"per_s": 12_000, "p99_ms": 9.5}
HTTP = {
    "command": "python -m bench.http",
    "machine": MACHINE,
    "scenarios": {
        "book": {
            "64": {"ours": SIDE, "hello": SIDE},
            "1000": {"ours": {"per_s": 9_000, "p99_ms": 110.0}, "hello": SIDE},
        }
    },
}
TIMES = {"p50_us": 15.0, "p99_us": 30.0}
FILL = {
    str(at): {"select": {"per_s_p50": 290_000}, "free_page": TIMES, "deal": TIMES}
    for at in (1, 50, 99)
}
ENGINE = {"command": "python -m bench.engine", "machine": MACHINE, "fill": {**FILL, "peak_mb": 9}}


def test_a_line_has_a_point_for_each_number_of_connections(tmp_path: Path) -> None:
    """Two charts of two lines of two points; the machine is named below."""
    (tmp_path / "http.json").write_bytes(orjson.dumps(HTTP))
    plots.main(tmp_path)

    drawn = ElementTree.parse(tmp_path / "connections.svg")
    tags = [one.tag.rpartition("}")[2] for one in drawn.iter()]
    texts = [one.text or "" for one in drawn.iter() if one.tag.endswith("text")]
    assert 2 * 2 * 2 == tags.count("circle")
    assert {"book, durable", "hello-world", "64", "1,000"} < set(texts)
    assert any("one <of> these" in text for text in texts)


def test_what_was_not_measured_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rest is drawn."""
    (tmp_path / "engine.json").write_bytes(orjson.dumps(ENGINE))
    plots.main(tmp_path)

    assert "http.json is missing: connections.svg is not drawn\n" == capsys.readouterr().err
    assert ["engine.json", "fill.svg"] == sorted(one.name for one in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("values", "marks"),
    [
        ([3.0, 12_000.0], (0, 4_000, 8_000, 12_000, 16_000, 20_000)),
        ([1.0], (0, 0.2, 0.4, 0.6, 0.8, 1)),
        ([0.07, 0.04], (0, 0.02, 0.04, 0.06, 0.08, 0.1)),
    ],
)
def test_a_linear_axis_begins_at_zero_and_ends_round(
    values: list[float], marks: tuple[float, ...]
) -> None:
    """Nothing is drawn larger than it is by an axis that begins elsewhere."""
    assert pytest.approx(marks) == chart.linear("", values).marks


def test_a_logarithmic_axis_goes_round_all_values() -> None:
    """Whole powers of ten, two at the least."""
    assert pytest.approx((1, 10, 100, 1_000)) == chart.logarithmic("", [3.0, 400.0]).marks
    assert pytest.approx((1, 10)) == chart.logarithmic("", [1.0]).marks
