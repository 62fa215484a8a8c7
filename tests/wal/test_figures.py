"""What the writer counts of its batches."""

from wal.figures import BYTES, RECORDS, SECONDS, Figures, Histogram


def test_a_value_counts_where_it_fits() -> None:
    """A bound is the largest value of its own; what is beyond all of them counts as the rest."""
    histogram = Histogram((1, 4))
    for value in (0, 1, 1, 4, 5, 100, 100, 100):
        histogram.add(value)

    assert [3, 1, 4] == histogram.counts
    assert 311 == histogram.total


def test_a_batch_counts_once_everywhere() -> None:
    """How long it took, its records, its bytes."""
    figures = Figures()
    figures.add(seconds=0.002, records=3, payload_bytes=100)

    found = [figures.seconds, figures.batch_records, figures.batch_bytes]
    assert [1, 1, 1] == [sum(one.counts) for one in found]
    assert [0.002, 3, 100] == [one.total for one in found]


def test_bounds_rise() -> None:
    """Or a value would be looked for in the wrong half."""
    assert all(sorted(bounds) == list(bounds) for bounds in (SECONDS, RECORDS, BYTES))
