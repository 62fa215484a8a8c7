"""The names of segments, and the next one, made ready while the current one fills."""

from pathlib import Path

import pytest

from wal.errors import Corrupt
from wal.files import OS
from wal.log import Log
from wal.segments import PREPARE_BYTES, segment_paths


def test_the_next_segment_is_whole_when_this_one_is_half_full(directory: Path) -> None:
    """It grows twice as fast as the current one fills, and no faster: the disk has other work."""
    log = Log.open(directory, segment_bytes_max=1 << 20)
    list(log.recover())
    prepared = []
    for _ in range(3):
        log.append(bytes(180 << 10))
        log.flush()
        prepared.append((directory / "next.wal.tmp").stat().st_size >> 10)
    log.close()
    assert [512, 768, 1024] == prepared


def test_the_next_segment_takes_no_more_than_its_size(directory: Path) -> None:
    """Its last piece is as long as what is missing, though that is less than a piece."""
    size_bytes = PREPARE_BYTES + 4096
    log = Log.open(directory, segment_bytes_max=size_bytes)
    list(log.recover())
    log.append(bytes(size_bytes - 4096 - 512))
    log.flush()
    assert (directory / "next.wal.tmp").stat().st_size == size_bytes
    log.close()


@pytest.mark.parametrize(
    "digits",
    [
        "1",
        f"{1:021d}",
        "x" * 20,
        f"{1:+020d}",
        f"{1:020d}".replace("0", "\N{ARABIC-INDIC DIGIT ZERO}"),
    ],
)
def test_a_name_is_twenty_digits(directory: Path, digits: str) -> None:
    """A segment by any other name is refused, also where Python would make a number of it."""
    path = directory / f"{digits}.wal"
    path.touch()
    with pytest.raises(Corrupt, match="not our name") as caught:
        segment_paths(OS, directory)
    assert caught.value.file == path
