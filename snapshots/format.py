"""Bytes of a snapshot: a header, chunks, a footer. Read and written as a stream, never whole.

All integers are little-endian.

    header                                  chunk
    offset  bytes  field                    offset  bytes  field
         0      8  magic "BLTRSNAP"              0      4  length, 1 … CHUNK_BYTES_MAX
         8      4  format version, 1             4      4  CRC-32 of length, then chunk
        12      8  LSN                           8      …  the chunk
        20     16  store id
        36      4  CRC-32 of bytes 0–35     footer
                                            offset  bytes  field
                                                 0      4  zero, where a length would be
                                                 4     32  BLAKE2b-256 of all bytes before
                                                           the footer
                                                36      8  magic "BLTRSEND", the end of the file

The CRC finds a bad chunk when it is read; the digest also finds chunks that are missing, repeated
or exchanged.
"""

import struct
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from snapshots.errors import Corrupt, Foreign
from wal.files import FileSystem, naming, read_at, write_at

FORMAT_VERSION = 1
STORE_ID_BYTES = 16
CHUNK_BYTES_MAX = 64 << 20  # a chunk is held in memory; a wrong length must not fill it

_MAGIC = b"BLTRSNAP"
_END = b"BLTRSEND"
_HEADER = struct.Struct("<8sIQ16s")
_U32 = struct.Struct("<I")
_CHUNK = struct.Struct("<II")
_DIGEST_BYTES = 32
HEADER_BYTES = _HEADER.size + _U32.size
_NO_MORE = _U32.pack(0)


class Header(NamedTuple):
    """The state is that after record `lsn` of the log of this store."""

    lsn: int
    store_id: bytes


def write_snapshot(
    fs: FileSystem, file: int, path: Path, header: Header, chunks: Iterable[bytes]
) -> bytes:
    """Write a snapshot into an empty file and return its digest; empty chunks are left out."""
    digest = blake2b(digest_size=_DIGEST_BYTES)
    offset = 0
    for piece in _pieces(header, chunks):
        digest.update(piece)
        with naming(path):  # and not where a chunk is from, which may be another file
            offset = write_at(fs, file, piece, offset)
    with naming(path):
        write_at(fs, file, _NO_MORE + digest.digest() + _END, offset)
    return digest.digest()


def read_header(fs: FileSystem, file: int, path: Path) -> Header:
    """Read the header; raise Corrupt, or Foreign for a version that is not ours."""
    block = _read(fs, file, path, HEADER_BYTES, 0)
    fields = block[: _HEADER.size]
    if block[_HEADER.size :] != _U32.pack(crc32(fields)):
        raise Corrupt(path, "the header does not match its checksum")
    magic, version, lsn, store_id = _HEADER.unpack(fields)
    if magic != _MAGIC:
        raise Corrupt(path, "not a snapshot")
    if version != FORMAT_VERSION:
        told = f"format version {version}, this program reads {FORMAT_VERSION}"
        raise Foreign(f"{path}: {told}; start the version that wrote it")
    return Header(lsn, store_id)


def read_chunks(fs: FileSystem, file: int, path: Path) -> Iterator[bytes]:
    """Yield every chunk, each checked; raise Corrupt. The digest is `verify_digest`'s business."""
    for chunk, _ in _walk(fs, file, path):
        yield chunk


def verify_digest(fs: FileSystem, file: int, path: Path) -> bytes:
    """Read the whole file and return its digest; raise Corrupt unless every byte is right."""
    digest = blake2b(_read(fs, file, path, HEADER_BYTES, 0), digest_size=_DIGEST_BYTES)
    offset = HEADER_BYTES
    for chunk, frame in _walk(fs, file, path):
        digest.update(frame)
        digest.update(chunk)
        offset += len(frame) + len(chunk)
    footer = _NO_MORE + digest.digest() + _END
    if _read(fs, file, path, len(footer) + 1, offset) != footer:
        raise Corrupt(path, "the whole does not match its digest")
    return digest.digest()


def _pieces(header: Header, chunks: Iterable[bytes]) -> Iterator[bytes]:
    fields = _HEADER.pack(_MAGIC, FORMAT_VERSION, header.lsn, header.store_id)
    yield fields + _U32.pack(crc32(fields))
    for chunk in filter(None, chunks):
        if len(chunk) > CHUNK_BYTES_MAX:
            raise ValueError(f"a chunk of {len(chunk)} bytes; at most {CHUNK_BYTES_MAX} may be")
        yield _chunk_frame(chunk) + chunk


def _chunk_frame(chunk: bytes) -> bytes:
    return _CHUNK.pack(len(chunk), crc32(chunk, crc32(_U32.pack(len(chunk)))))


def _walk(fs: FileSystem, file: int, path: Path) -> Iterator[tuple[bytes, bytes]]:
    offset = HEADER_BYTES
    while (frame := _read(fs, file, path, _CHUNK.size, offset))[: _U32.size] != _NO_MORE:
        size = _U32.unpack_from(frame.ljust(_CHUNK.size, b"\0"))[0]
        if size > CHUNK_BYTES_MAX:
            raise Corrupt(path, f"a chunk of {size} bytes at byte {offset} cannot be")
        chunk = _read(fs, file, path, size, offset + _CHUNK.size)
        if frame != _chunk_frame(chunk):
            raise Corrupt(path, f"the chunk at byte {offset} does not match its checksum")
        yield chunk, frame
        offset += len(frame) + size


def _read(fs: FileSystem, file: int, path: Path, size: int, offset: int) -> bytes:
    with naming(path):
        return read_at(fs, file, size, offset)
