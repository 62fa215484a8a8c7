"""Bytes of the log: one segment header, then batches. Pure: no files here, nothing is trusted.

All integers are little-endian. A segment is one 4096-byte header block, then batches one after
another, each padded with zeros to a multiple of 512 bytes, then zeros (space prepared ahead).

    segment header                          batch
    offset  bytes  field                    offset  bytes  field
         0      8  magic "BLTRWAL\\0"             0      4  magic "BLTB"
         8      4  format version, 1             4      4  payload bytes
        12      4  zero                          8      8  salt of the segment
        16     16  store id                     16      8  batch number: 1, 2, 3 … in the segment
        32      8  segment number               24      8  LSN of the first record
        40      8  LSN of the first record      32      4  number of records, n
        48      8  salt, random                 36      4  CRC-32 of the payload
        56      8  epoch: +1 at each opening    40      8  chain
        64      8  predecessor: number          48      4  CRC-32 of bytes 0–47
        72      8  predecessor: last LSN        52   4 × n  length of each record
        80      8  predecessor: size in bytes     …      …  the records
        88      8  predecessor: chain             …      …  zeros up to a multiple of 512
        96   3996  zeros
      4092      4  CRC-32 of bytes 0–4091

The chain of a batch is BLAKE2b-64 over the chain before it, bytes 0–39 of its header and its
payload; the chain before the first batch is BLAKE2b-64 of the segment's header block, and that
block names the chain at which the predecessor ends. So a batch that is missing, repeated,
exchanged or taken from elsewhere breaks the chain although its own checksums are right.

Batches begin on 512-byte sectors, so writing one never rewrites a sector of an acknowledged one.
The magic is not zero, so prepared space reads as the end. The lengths stand together, so that one
unpack slices a whole batch.
"""

import struct
from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate, pairwise
from typing import NamedTuple
from zlib import crc32

FORMAT_VERSION = 1
SECTOR_BYTES = 512  # what every disk writes whole
SEGMENT_HEADER_BYTES = 4096  # one page of its own: batches never share it
RECORD_BYTES_MAX = 1 << 20  # a mutation is tens of bytes; more is a bug of the caller
BATCH_BYTES_MAX = 8 << 20  # bounds the memory of recovery and the size of a torn tail
FILE_BYTES_MAX = 1 << 30  # a segment is read whole; a wrong length must not fill the memory
STORE_ID_BYTES = 16
SALT_BYTES = 8
CHAIN_BYTES = 8
LENGTH_BYTES = 4

_SEGMENT_MAGIC = b"BLTRWAL\0"
_SEGMENT = struct.Struct("<8sI4x16sQQ8sQQQQ8s")
_BATCH_MAGIC = b"BLTB"
_BATCH = struct.Struct("<4sI8sQQII")
_CHAIN_AND_CRC = struct.Struct("<8sI")
_CRC = struct.Struct("<I")
_ZEROS = bytes(SECTOR_BYTES)
_CHAIN_END = _BATCH.size + CHAIN_BYTES
BATCH_HEADER_BYTES = _BATCH.size + _CHAIN_AND_CRC.size


class Unreadable(Exception):
    """These bytes are no whole header or batch: torn, rotten, or simply the end."""


class Misplaced(Exception):
    """A whole and readable header or batch that does not belong here; no torn write does that."""


class Predecessor(NamedTuple):
    """Where the log stood when a segment began; `number` 0 means that nothing came before."""

    number: int
    last_lsn: int
    size_bytes: int
    chain: bytes


NO_PREDECESSOR = Predecessor(number=0, last_lsn=0, size_bytes=0, chain=bytes(CHAIN_BYTES))


class SegmentHeader(NamedTuple):
    """The first block of a segment."""

    store_id: bytes
    number: int
    first_lsn: int
    salt: bytes
    epoch: int
    predecessor: Predecessor


class Position(NamedTuple):
    """Where the next batch goes in a segment, and everything it must agree with."""

    offset: int
    salt: bytes
    batch_number: int
    first_lsn: int
    chain: bytes


class Batch(NamedTuple):
    """The records one fdatasync made durable; the LSN of `records[i]` is `first_lsn + i`."""

    first_lsn: int
    records: list[bytes]

    @property
    def last_lsn(self) -> int:
        return self.first_lsn + len(self.records) - 1


def frame_bytes(payload_bytes: int) -> int:
    """The bytes a batch takes on disk; `payload_bytes` includes four per record for its length."""
    return -(-(BATCH_HEADER_BYTES + payload_bytes) // SECTOR_BYTES) * SECTOR_BYTES


FRAME_BYTES_MAX = frame_bytes(BATCH_BYTES_MAX)


def encode_segment_header(header: SegmentHeader) -> bytes:
    """Return the 4096 bytes of a header block."""
    fields = _SEGMENT.pack(_SEGMENT_MAGIC, FORMAT_VERSION, *header[:5], *header.predecessor)
    block = fields.ljust(SEGMENT_HEADER_BYTES - _CRC.size, b"\0")
    return block + _CRC.pack(crc32(block))


def decode_segment_header(block: bytes) -> SegmentHeader:
    """Read a header block; raise Unreadable, or Misplaced for a version that is not ours."""
    if len(block) < SEGMENT_HEADER_BYTES:
        raise Unreadable("the segment header is cut short")
    end = SEGMENT_HEADER_BYTES - _CRC.size
    magic, version, *fields = _SEGMENT.unpack_from(block)
    if magic != _SEGMENT_MAGIC:
        raise Unreadable("not a segment of this log")
    if _CRC.unpack_from(block, end)[0] != crc32(block[:end]):
        raise Unreadable("the segment header does not match its checksum")
    if version != FORMAT_VERSION:
        raise Misplaced(f"format version {version}, this program reads {FORMAT_VERSION}")
    store_id, number, first_lsn, salt, epoch = fields[:5]
    return SegmentHeader(store_id, number, first_lsn, salt, epoch, Predecessor(*fields[5:]))


def first_position(header: SegmentHeader) -> Position:
    """Where the first batch of a segment goes."""
    return Position(
        offset=SEGMENT_HEADER_BYTES,
        salt=header.salt,
        batch_number=1,
        first_lsn=header.first_lsn,
        chain=_digest(encode_segment_header(header)),
    )


def encode_batch(records: Sequence[bytes], at: Position) -> tuple[bytes, Position]:
    """Return the bytes to write at `at.offset`, and the position after them."""
    lengths = struct.pack(f"<{len(records)}I", *map(len, records))
    payload = lengths + b"".join(records)
    assert 0 < len(payload) <= BATCH_BYTES_MAX
    fields = _BATCH.pack(
        _BATCH_MAGIC,
        len(payload),
        at.salt,
        at.batch_number,
        at.first_lsn,
        len(records),
        crc32(payload),
    )
    chain = _digest(at.chain, fields, payload)
    header = fields + chain
    size = frame_bytes(len(payload))
    frame = (header + _CRC.pack(crc32(header)) + payload).ljust(size, b"\0")
    return frame, _after(at, size=size, count=len(records), chain=chain)


def decode_batch(data: bytes, at: Position) -> tuple[Batch, Position]:
    """Read the batch at `at.offset`; raise Unreadable or Misplaced. Reads nothing beyond `data`."""
    fields, chain = _batch_header(data, at.offset)
    payload_bytes, salt, number, first_lsn, count, payload_crc = _BATCH.unpack(fields)[1:]
    if (salt, number, first_lsn) != at[1:4]:
        raise Misplaced(f"batch {number} from LSN {first_lsn} on does not belong here")
    if not 0 < count * LENGTH_BYTES <= payload_bytes <= BATCH_BYTES_MAX:
        raise Misplaced(f"{count} records in {payload_bytes} bytes cannot be")
    size = frame_bytes(payload_bytes)
    start = at.offset + BATCH_HEADER_BYTES
    payload = data[start : start + payload_bytes]
    padding = data[start + payload_bytes : at.offset + size]
    if len(payload) + len(padding) != size - BATCH_HEADER_BYTES:
        raise Unreadable("the batch is cut short")
    if crc32(payload) != payload_crc or padding != _ZEROS[: len(padding)]:
        raise Unreadable("the batch does not match its checksum")
    if _digest(at.chain, fields, payload) != chain:
        raise Misplaced("the batch does not continue the one before it")
    batch = Batch(first_lsn, _split(payload, count))
    return batch, _after(at, size=size, count=count, chain=chain)


def find_batch(data: bytes, *, salt: bytes, start: int) -> int | None:
    """Return the offset of the first intact batch header with this salt at or after `start`."""
    place = data.find(_BATCH_MAGIC, start)
    while place >= 0:
        if place % SECTOR_BYTES == 0 and _is_batch_header(data, place, salt):
            return place
        place = data.find(_BATCH_MAGIC, place + 1)
    return None


def is_zero(data: bytes) -> bool:
    """Whether all of it is zeros, at the speed of memory."""
    return data == bytes(len(data))


def _batch_header(data: bytes, offset: int) -> tuple[bytes, bytes]:
    if len(data) - offset < BATCH_HEADER_BYTES:
        raise Unreadable("the batch header is cut short")
    if data[offset : offset + len(_BATCH_MAGIC)] != _BATCH_MAGIC:
        raise Unreadable("no batch begins here")
    chain, crc = _CHAIN_AND_CRC.unpack_from(data, offset + _BATCH.size)
    if crc32(data[offset : offset + _CHAIN_END]) != crc:
        raise Unreadable("the batch header does not match its checksum")
    return data[offset : offset + _BATCH.size], chain


def _is_batch_header(data: bytes, offset: int, salt: bytes) -> bool:
    try:
        fields, _ = _batch_header(data, offset)
    except Unreadable:
        return False
    return bool(_BATCH.unpack(fields)[2] == salt)


def _split(payload: bytes, count: int) -> list[bytes]:
    lengths = struct.unpack_from(f"<{count}I", payload)
    edges = accumulate(lengths, initial=count * LENGTH_BYTES)
    records = [payload[start:end] for start, end in pairwise(edges)]
    if count * LENGTH_BYTES + sum(lengths) != len(payload):
        raise Misplaced("the lengths of the records do not add up")
    return records


def _after(at: Position, *, size: int, count: int, chain: bytes) -> Position:
    return Position(at.offset + size, at.salt, at.batch_number + 1, at.first_lsn + count, chain)


def _digest(*parts: bytes) -> bytes:
    return blake2b(b"".join(parts), digest_size=CHAIN_BYTES).digest()
