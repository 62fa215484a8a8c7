"""Files are damaged in larger pieces: sectors, chunks, whole files, ours and foreign.

All of it may be refused, and nothing may be silently wrong. What hits one of two snapshots must not
even be refused, unless a good snapshot of another store lies there.
"""

from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import permutations
from pathlib import Path
from random import Random
from typing import NamedTuple

from snapshots.format import HEADER_BYTES
from torture.corpus import (
    SMALL_SEGMENT_BYTES,
    Corpus,
    diary_with_snapshots,
    small_batches,
    snapshots_of,
)
from torture.crash_fs import SECTOR_BYTES, CrashFS, Inode
from torture.diary import WAL, Entries
from torture.oracle import judged
from torture.tally import Tally, Violation
from wal.watermark import WATERMARK_NAME, create_watermark

_OTHER_STORE = b"another store id"
_FORKED_AFTER = 9  # in the middle of the second segment
_WATERMARK = WAL / WATERMARK_NAME
_FRAME_BYTES = 8  # of a chunk
_Sector = tuple[Path, int]


class Damage(NamedTuple):
    """What is done to a disk; `name` says it, `or_refused` is whether refusing is right too."""

    name: str
    apply: Callable[[CrashFS], None]
    or_refused: bool = True


class Damages:
    """A log, a diary with snapshots, and everything that is done to them."""

    def __init__(self, seed: int) -> None:
        random = Random(f"damages/{seed}")
        batches, others = small_batches(random), small_batches(random)
        self._log = Corpus(batches, segment_bytes_max=SMALL_SEGMENT_BYTES)
        self._fork = Corpus(
            batches[:_FORKED_AFTER] + others[_FORKED_AFTER:], segment_bytes_max=SMALL_SEGMENT_BYTES
        )
        self._foreign = Corpus(
            batches, segment_bytes_max=SMALL_SEGMENT_BYTES, store_id=_OTHER_STORE
        )
        self._diary, self._entries = diary_with_snapshots(random)
        self._theirs, _ = diary_with_snapshots(random, store_id=_OTHER_STORE)
        self._garbage = random.randbytes(SECTOR_BYTES)
        self._of_log = list(self._log_damages())
        self._of_diary = list(self._diary_damages())

    @property
    def names(self) -> list[str]:
        return [damage.name for damage in (*self._of_log, *self._of_diary)]

    @property
    def segments(self) -> list[Path]:
        return self._log.segments

    def judged(self, number: int) -> str:
        if number < len(self._of_log):
            return _judged(self._of_log[number], self._log.disk, self._log.records)
        return _judged(self._of_diary[number - len(self._of_log)], self._diary, self._entries)

    def _log_damages(self) -> Iterator[Damage]:
        segments = self._log.segments
        for path in segments:
            yield from _whole_file(path, segments)
            yield from self._replaced(path)
        sectors = [
            (path, place)
            for path in segments
            for place in range(0, len(self._log.content(path)), SECTOR_BYTES)
        ]
        for path, place in sectors:
            at = f"{path.name} sector {place // SECTOR_BYTES}"
            yield Damage(f"{at} zeroed", partial(_put, path, place, bytes(SECTOR_BYTES)))
            yield Damage(f"{at} garbled", partial(_put, path, place, self._garbage))
            theirs = bytes(self._fork.content(path)[place : place + SECTOR_BYTES])
            yield Damage(f"{at} of a fork", partial(_put, path, place, theirs))
        for one, other in permutations(sectors, 2):
            yield Damage(f"{one} copied over {other}", partial(_copy, one, other))
            if one < other:
                yield Damage(f"{one} and {other} exchanged", partial(_exchange, one, other))

    def _replaced(self, path: Path) -> Iterator[Damage]:
        for other in self._log.segments:
            yield Damage(
                f"{path.name} replaced by {other.name}",
                partial(_replace, path, bytes(self._log.content(other))),
            )
        for name, corpus in (("another store", self._foreign), ("a fork", self._fork)):
            yield Damage(
                f"{path.name} of {name}", partial(_replace, path, bytes(corpus.content(path)))
            )

    def _diary_damages(self) -> Iterator[Damage]:
        yield from _whole_file(_WATERMARK, [])
        yield Damage("watermark of another store", _take_foreign_watermark)
        older, newer = snapshots_of(self._diary)
        contents = {path: bytes(self._diary.inodes[path].seen) for path in (older, newer)}
        for path, content in contents.items():
            yield from _whole_file(path, [older, newer], or_refused=False)
            yield from _rearranged(path, content)
            theirs = partial(_replace, path, bytes(self._theirs.inodes[path].seen))
            yield Damage(f"{path.name} of another store", theirs)
        for path, other in ((older, newer), (newer, older)):
            change = partial(_replace, path, contents[other])
            yield Damage(f"{path.name} replaced by {other.name}", change, or_refused=False)


@cache
def damages(seed: int) -> Damages:
    return Damages(seed)


def count(seed: int) -> int:
    return len(damages(seed).names)


def case(seed: int, number: int, found: Tally) -> str:
    """One damage, and what recovery makes of it."""
    return damages(seed).judged(number)


def _judged(damage: Damage, disk: CrashFS, entries: Entries) -> str:
    damaged = disk.copied()
    damage.apply(damaged)
    try:
        return judged(damaged, entries, or_refused=damage.or_refused)
    except Violation as violation:
        raise Violation(f"{damage.name}: {violation}") from None


def _whole_file(path: Path, names: list[Path], *, or_refused: bool = True) -> Iterator[Damage]:
    """Lost, emptied, and renamed or copied to each of these names and to one that is not there."""
    yield Damage(f"{path.name} lost", partial(_lose, path), or_refused)
    yield Damage(f"{path.name} emptied", partial(_replace, path, b""), or_refused)
    for other in (*names, path.with_stem(f"{999:020d}")):
        yield Damage(f"{path.name} copied to {other.name}", partial(_copy_file, path, other))
        yield Damage(f"{path.name} renamed {other.name}", partial(_rename, path, other))


def _rearranged(path: Path, content: bytes) -> Iterator[Damage]:
    """A snapshot cut anywhere, and with each chunk left out, repeated or behind the next one."""
    changed = {f"cut at {size}": content[:size] for size in range(len(content))}
    header, *chunks, footer = _parts(content)
    for place, chunk in enumerate(chunks):
        before, after = chunks[:place], chunks[place + 1 :]
        changed |= {
            f"without chunk {place}": b"".join((header, *before, *after, footer)),
            f"with chunk {place} twice": b"".join((header, *before, chunk, chunk, *after, footer)),
            f"with chunk {place} late": b"".join(
                (header, *before, *after[:1], chunk, *after[1:], footer)
            ),
        }
    for name, changed_content in changed.items():
        if changed_content != content:
            change = partial(_replace, path, changed_content)
            yield Damage(f"{path.name} {name}", change, or_refused=False)


def _parts(content: bytes) -> Iterator[bytes]:
    """Of a snapshot: its header, each chunk with its frame, its footer."""
    yield content[:HEADER_BYTES]
    place = HEADER_BYTES
    while size := int.from_bytes(content[place : place + 4], "little"):
        yield content[place : place + _FRAME_BYTES + size]
        place += _FRAME_BYTES + size
    yield content[place:]


def _put(path: Path, place: int, data: bytes, disk: CrashFS) -> None:
    content = bytearray(disk.inodes[path].seen)
    content[place : place + len(data)] = data
    disk.put(path, Inode(content))


def _copy(source: _Sector, target: _Sector, disk: CrashFS) -> None:
    _put(*target, _read(source, disk), disk)


def _exchange(one: _Sector, other: _Sector, disk: CrashFS) -> None:
    data = _read(one, disk)
    _copy(other, one, disk)
    _put(*other, data, disk)


def _read(sector: _Sector, disk: CrashFS) -> bytes:
    path, place = sector
    return bytes(disk.inodes[path].seen[place : place + SECTOR_BYTES])


def _lose(path: Path, disk: CrashFS) -> None:
    disk.remove(path)


def _replace(path: Path, content: bytes, disk: CrashFS) -> None:
    disk.put(path, Inode(content))


def _copy_file(path: Path, target: Path, disk: CrashFS) -> None:
    disk.put(target, Inode(disk.inodes[path].seen))


def _rename(path: Path, target: Path, disk: CrashFS) -> None:
    inode = disk.inodes[path]
    disk.remove(path)
    disk.put(target, inode)


def _take_foreign_watermark(disk: CrashFS) -> None:
    create_watermark(disk, WAL, _OTHER_STORE)
