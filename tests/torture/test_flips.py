"""A log, a watermark and snapshots with one byte changed."""

from functools import partial

from torture import flips
from torture.corpus import SMALL_LOG_BYTES
from torture.oracle import OPENED, REFUSED
from torture.tally import tally
from torture.trials import numbers
from wal.format import BATCH_HEADER_BYTES, LENGTH_BYTES, SEGMENT_HEADER_BYTES

SEED = 1
SAMPLE = 4_000


def test_anywhere() -> None:
    """A bit flipped or a byte set is refused or harmless; all of them are in `make torture`."""
    sample = numbers(range(SAMPLE), SEED, flips.count(SEED))
    found = tally("flips", sample, partial(flips.case, SEED))
    assert found.violations == []
    assert found.outcomes.keys() == {OPENED, REFUSED}


def test_every_field() -> None:
    """Every bit of the fields of a segment and of its first batch, its lengths included."""
    log = flips.flips(SEED)
    batch = range(SEGMENT_HEADER_BYTES, SEGMENT_HEADER_BYTES + BATCH_HEADER_BYTES + LENGTH_BYTES)
    for place in (*range(96), *range(SEGMENT_HEADER_BYTES - 4, SEGMENT_HEADER_BYTES), *batch):
        for way in range(8):
            flip = flips.Flip(log.log.segments[1], place, way, told=True)
            assert log.judged(flip) == REFUSED


def test_every_bit_of_a_log_of_32_kib() -> None:
    """The log that is damaged is as large as promised, and every bit of it is there."""
    log = flips.flips(SEED)
    assert SMALL_LOG_BYTES == 32 << 10 == sum(len(log.log.content(one)) for one in log.log.segments)
    every = {log.flip(number) for number in range(log.count)}
    assert len(every) == log.count
    segments = log.log.segments
    bits = [flip for flip in every if flip.told and flip.way < 8 and flip.path.suffix == ".wal"]
    assert len(bits) == 8 * SMALL_LOG_BYTES == 262_144
    assert {flip.path for flip in bits} == set(segments)
