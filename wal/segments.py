"""Segment files: their names, the one being written, and the next one prepared ahead of time.

A segment gets its name only when its header is on disk, so a segment that can be seen has a good
header. Records in it count only after the directory has been synced too.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from wal.errors import Corrupt
from wal.files import (
    OS,
    TEMPORARY_SUFFIX,
    FileSystem,
    file_bytes,
    naming,
    remove_if_there,
    write_at,
)
from wal.format import (
    NO_PREDECESSOR,
    SEGMENT_HEADER_BYTES,
    Position,
    Predecessor,
    SegmentHeader,
    encode_batch,
    encode_segment_header,
    first_position,
    frame_bytes,
)

SEGMENT_SUFFIX = ".wal"
LSN_DIGITS = 20  # names in the order of text are in the order of LSNs, up to 2^64
PREPARE_BYTES = 256 << 10  # zeros written and synced at once: about 0.3 ms between two batches


def segment_name(first_lsn: int) -> str:
    """The file name of the segment that begins with this record."""
    return f"{first_lsn:0{LSN_DIGITS}d}{SEGMENT_SUFFIX}"


def named_lsn(path: Path) -> int:
    """The first LSN that the name of a segment promises."""
    return int(path.stem)


def segment_paths(fs: FileSystem, directory: Path) -> list[Path]:
    """Every segment of the log, oldest first; none: no directory. Raises Corrupt for odd names."""
    try:
        names = sorted(name for name in fs.names(directory) if name.endswith(SEGMENT_SUFFIX))
    except FileNotFoundError:
        return []
    for name in names:
        digits = name.removesuffix(SEGMENT_SUFFIX)
        if len(digits) != LSN_DIGITS or not digits.isdecimal() or not digits.isascii():
            raise Corrupt(directory / name, offset=0, reason="not our name", last_good_lsn=0)
    return [directory / name for name in names]


def segment_sizes(directory: Path) -> list[int]:
    """The bytes of every segment, of a log that may be written to meanwhile."""
    sizes = []
    for path in segment_paths(OS, directory):
        with suppress(FileNotFoundError):  # dropped just now
            sizes.append(file_bytes(OS, path))
    return sizes


def paths_from(paths: list[Path], lsn: int) -> list[Path]:
    """The segments that hold `lsn` and everything after it; empty if the log begins later."""
    begun = sum(named_lsn(path) <= lsn for path in paths)
    return paths[begun - 1 :] if begun else []


def sync_segment(fs: FileSystem, path: Path) -> None:
    """Before reading, lest anything be decided on what never left the page cache.

    What a failed fsync left in the cache is taken for written, so a second one doesn't help: the
    cache has to forget it too.
    """
    fs.sync_directory(path.parent)
    file = fs.open(path)
    try:
        with naming(path):
            fs.fsync(file)
            fs.drop_cached(file)
    finally:
        fs.close(file)


def remove_temporaries(fs: FileSystem, directory: Path) -> None:
    """Remove what a writer that died had not finished."""
    for name in fs.names(directory):
        if name.endswith(TEMPORARY_SUFFIX):
            fs.unlink(directory / name)


class Spare:
    """The next segment, filled with zeros piece by piece so that no commit waits for a new file.

    Written zeros cost a background write, and pay: overwriting them makes an fdatasync of 4 KiB a
    third faster than appending or than space that is only reserved, because no metadata changes.
    They also make a full disk show here, while the current segment still has room.
    """

    def __init__(self, fs: FileSystem, directory: Path, *, size_bytes: int) -> None:
        self._fs = fs
        self._directory = directory
        self._path = directory / f"next{SEGMENT_SUFFIX}{TEMPORARY_SUFFIX}"
        self._size_bytes = size_bytes
        self._filled_bytes = 0
        self._file: int | None = None

    def grow(self, size_bytes: int) -> None:
        """Have at least so many zeros on disk, but never more than a segment takes."""
        target = min(size_bytes, self._size_bytes)
        while self._filled_bytes < target:
            file = self._opened()
            piece = bytes(min(PREPARE_BYTES, self._size_bytes - self._filled_bytes))
            write_at(self._fs, file, piece, self._filled_bytes)
            self._fs.fdatasync(file)
            self._filled_bytes += len(piece)

    def discard(self) -> None:
        """Give back the space; the next `grow` begins anew."""
        self.close()
        remove_if_there(self._fs, self._path)

    def close(self) -> None:
        """Let go of the file and leave it where it is: the disk may be refusing everything."""
        if self._file is not None:
            self._fs.close(self._file)
        self._file = None
        self._filled_bytes = 0

    def become(self, header: SegmentHeader, records: Sequence[bytes] = ()) -> "OpenSegment":
        """Make it the segment of this header, durably, with the records as its first batch.

        A segment of the same name is replaced in one step: it held nothing, or these records.
        """
        position, frame = first_position(header), b""
        if records:
            frame, position = encode_batch(records, position)
        with naming(self._path):
            self.grow(self._size_bytes)
            file = self._opened()
            write_at(self._fs, file, encode_segment_header(header) + frame, 0)
            self._fs.fsync(file)
        self._fs.rename(self._path, self._directory / segment_name(header.first_lsn))
        self._fs.sync_directory(self._directory)
        self._file, self._filled_bytes = None, 0
        return OpenSegment(self._fs, file, header, position)

    def _opened(self) -> int:
        if self._file is None:
            remove_if_there(self._fs, self._path)
            self._file = self._fs.create(self._path)
        return self._file


class OpenSegment:
    """The segment being written."""

    def __init__(
        self, fs: FileSystem, file: int, header: SegmentHeader, position: Position
    ) -> None:
        self._fs = fs
        self._file = file
        self.header = header
        self.position = position

    def fits(self, payload_bytes: int, *, segment_bytes_max: int) -> bool:
        """Whether a batch goes in; an empty segment takes any, or it would find no place at all."""
        size = self.position.offset + frame_bytes(payload_bytes)
        return size <= segment_bytes_max or self.is_empty

    @property
    def is_empty(self) -> bool:
        return self.position.offset == SEGMENT_HEADER_BYTES

    def write(self, records: Sequence[bytes]) -> None:
        """One batch, one write, one fdatasync; when this returns it is durable."""
        frame, after = encode_batch(records, self.position)
        write_at(self._fs, self._file, frame, self.position.offset)
        self._fs.fdatasync(self._file)
        self.position = after

    def header_of_next(self, salt: bytes) -> SegmentHeader:
        """The header of the segment that follows when this one is sealed here."""
        return next_header(self.header, self.position, salt=salt, epoch=self.header.epoch)

    def close(self) -> None:
        self._fs.close(self._file)


def next_header(header: SegmentHeader, cut: Position, *, salt: bytes, epoch: int) -> SegmentHeader:
    """The header of the segment that goes on where `cut` ends this one.

    A segment cut at its very beginning holds nothing, so the next one takes its place.
    """
    if cut.offset == SEGMENT_HEADER_BYTES:
        return header._replace(salt=salt, epoch=epoch)
    last_lsn = cut.first_lsn - 1
    predecessor = Predecessor(header.number, last_lsn, cut.offset, cut.chain)
    return SegmentHeader(
        header.store_id, header.number + 1, cut.first_lsn, salt, epoch, predecessor
    )


def first_header(store_id: bytes, *, salt: bytes) -> SegmentHeader:
    """The header with which a log begins."""
    return SegmentHeader(store_id, 1, 1, salt, 0, NO_PREDECESSOR)
