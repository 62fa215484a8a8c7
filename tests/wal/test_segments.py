"""The next segment, made ready while the current one fills."""

from pathlib import Path

from wal.log import Log


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
