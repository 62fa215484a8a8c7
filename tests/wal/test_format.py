"""The bytes of segments and batches."""

import struct
from hashlib import blake2b
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wal.format import (
    BATCH_HEADER_BYTES,
    NO_PREDECESSOR,
    SECTOR_BYTES,
    SEGMENT_HEADER_BYTES,
    Batch,
    Misplaced,
    Position,
    Predecessor,
    SegmentHeader,
    Unreadable,
    decode_batch,
    decode_segment_header,
    encode_batch,
    encode_segment_header,
    find_batch,
    first_position,
    frame_bytes,
)

U64 = st.integers(0, 2**64 - 1)
EIGHT = st.binary(min_size=8, max_size=8)
PREDECESSORS = st.builds(Predecessor, U64, U64, U64, EIGHT)
HEADERS = st.builds(
    SegmentHeader, st.binary(min_size=16, max_size=16), U64, U64, EIGHT, U64, PREDECESSORS
)
RECORDS = st.lists(st.binary(max_size=600), min_size=1, max_size=8)
START = Position(0, b"salt1234", 1, 1, bytes(8))


def test_golden_bytes() -> None:
    """The format on disk has not changed: a new version needs a new number, and old files read."""
    header = SegmentHeader(b"0123456789abcdef", 1, 1, b"saltsalt", 0, NO_PREDECESSOR)
    assert encode_segment_header(header).hex() == (
        "424c545257414c00" "01000000" "00000000" "30313233343536373839616263646566"
        "0100000000000000" "0100000000000000" "73616c7473616c74"
        + "00" * (4092 - 56)
        + "d30c4a56"
    )  # fmt: skip
    frame, after = encode_batch([b"one", b"", b"three"], first_position(header))
    assert frame[:52].hex() == (
        "424c5442" "14000000" "73616c7473616c74" "0100000000000000" "0100000000000000"
        "03000000" "f9954332" "d9ee277dc87dd142" "89b07182"
    )  # fmt: skip
    assert frame[52:] == (b"\x03\0\0\0\0\0\0\0\x05\0\0\0onethree".ljust(512 - 52, b"\0"))
    assert encode_batch([b"four"], after)[0][:52].hex() == (
        "424c5442" "08000000" "73616c7473616c74" "0200000000000000" "0400000000000000"
        "01000000" "f268ed50" "092f6f6c19d6af84" "a2582e65"
    )  # fmt: skip


@given(HEADERS)
def test_header_round_trip(header: SegmentHeader) -> None:
    """A segment header reads back as it was written, and takes exactly its block."""
    block = encode_segment_header(header)
    assert len(block) == SEGMENT_HEADER_BYTES
    assert decode_segment_header(block) == header


@given(HEADERS, st.integers(0, SEGMENT_HEADER_BYTES - 1), st.integers(1, 255))
def test_header_damage(header: SegmentHeader, place: int, change: int) -> None:
    """A header with any byte changed is not read."""
    block = bytearray(encode_segment_header(header))
    block[place] ^= change
    with pytest.raises(Unreadable):
        decode_segment_header(bytes(block))


def test_header_cut() -> None:
    """A header that is cut short is not read."""
    with pytest.raises(Unreadable):
        decode_segment_header(b"BLTRWAL\0")


def test_header_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment of another version is whole, and refused all the same."""
    monkeypatch.setattr("wal.format.FORMAT_VERSION", 2)
    block = encode_segment_header(SegmentHeader(bytes(16), 1, 1, bytes(8), 0, NO_PREDECESSOR))
    monkeypatch.undo()
    with pytest.raises(Misplaced, match="format version 2"):
        decode_segment_header(block)


@given(st.lists(RECORDS, min_size=1, max_size=5))
def test_batches_round_trip(batches: list[list[bytes]]) -> None:
    """Batches read back as they were written, each padded to whole sectors."""
    data, at = b"", START
    for records in batches:
        frame, at = encode_batch(records, at)
        assert len(frame) % SECTOR_BYTES == 0
        data += frame
    at, lsn = START, 1
    for records in batches:
        batch, at = decode_batch(data, at)
        assert batch == Batch(lsn, records)
        lsn += len(records)
        assert batch.last_lsn == lsn - 1
    assert at.offset == len(data)


def test_every_byte_of_a_batch() -> None:
    """Whatever byte of it is changed, a batch is told as torn, and not as one of another place."""
    frame = bytearray(encode_batch([b"one", b"", b"three"], START)[0])
    for place in range(len(frame)):
        frame[place] ^= 1
        with pytest.raises(Unreadable):
            decode_batch(bytes(frame), START)
        frame[place] ^= 1


@given(RECORDS, st.data())
def test_batch_damage(records: list[bytes], data: st.DataObject) -> None:
    """A batch with any bit flipped, padding included, is not read."""
    frame = bytearray(encode_batch(records, START)[0])
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    frame[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Unreadable):
        decode_batch(bytes(frame), START)


@given(RECORDS, st.data())
def test_batch_cut(records: list[bytes], data: st.DataObject) -> None:
    """A batch cut anywhere is not read."""
    frame, _ = encode_batch(records, START)
    with pytest.raises(Unreadable):
        decode_batch(frame[: data.draw(st.integers(0, len(frame) - 1))], START)


@given(st.binary(max_size=2048))
def test_garbage(data: bytes) -> None:
    """Arbitrary bytes are never a batch, and never another error."""
    with pytest.raises(Unreadable):
        decode_batch(data, START)


@pytest.mark.parametrize(
    "elsewhere",
    [
        START._replace(salt=b"other456"),
        START._replace(batch_number=2),
        START._replace(first_lsn=2),
        START._replace(chain=b"another1"),
    ],
)
def test_batch_of_another_place(elsewhere: Position) -> None:
    """A whole batch of another segment, number, LSN or chain is told from a torn one."""
    frame, _ = encode_batch([b"record"], elsewhere)
    with pytest.raises(Misplaced):
        decode_batch(frame, START)


def test_written_by_the_table() -> None:
    """Bytes put together from the table in the docs are the bytes of the encoder."""
    frame, _ = encode_batch([b"four"], START)
    assert frame == _by_the_table(1, b"\x04\0\0\0four")


@pytest.mark.parametrize(("count", "payload"), [(0, b""), (0, b"1234"), (3, b"12345678")])
def test_impossible_count(count: int, payload: bytes) -> None:
    """A batch whose counts contradict each other is refused before anything is allocated."""
    with pytest.raises(Misplaced, match="cannot be"):
        decode_batch(_by_the_table(count, payload), START)


@pytest.mark.parametrize("length", [3, 5, 2**32 - 1])
def test_impossible_lengths(length: int) -> None:
    """A batch whose lengths do not add up to its payload is refused."""
    payload = struct.pack("<I", length) + b"four"
    with pytest.raises(Misplaced, match="add up"):
        decode_batch(_by_the_table(1, payload), START)


@pytest.mark.parametrize("payload_bytes", [(8 << 20) + 1, 2**32 - 1])
def test_enormous_payload(payload_bytes: int) -> None:
    """A length beyond the limit is refused although its header is intact."""
    frame = _by_the_table(1, b"\x04\0\0\0four", payload_bytes=payload_bytes)
    with pytest.raises(Misplaced, match="cannot be"):
        decode_batch(frame, START)


def test_longest_batch() -> None:
    """A batch of 8 MiB, the lengths of its records included, is written and read."""
    records = [bytes((1 << 20) - 4)] * 8
    frame, after = encode_batch(records, START)
    assert (Batch(1, records), after) == decode_batch(frame, START)


def test_another_magic(monkeypatch: pytest.MonkeyPatch) -> None:
    """A good checksum over another magic makes neither a segment nor a batch of this log."""
    monkeypatch.setattr("wal.format._SEGMENT_MAGIC", b"NOT OURS")
    monkeypatch.setattr("wal.format._BATCH_MAGIC", b"THEM")
    block = encode_segment_header(SegmentHeader(bytes(16), 1, 1, bytes(8), 0, NO_PREDECESSOR))
    frame, _ = encode_batch([b"record"], START)
    monkeypatch.undo()
    with pytest.raises(Unreadable, match="not a segment of this log"):
        decode_segment_header(block)
    with pytest.raises(Unreadable, match="no batch begins here"):
        decode_batch(frame, START)


def test_find_batch() -> None:
    """A later header is found by magic, place, checksum and salt; anything less is not one."""
    frame, after = encode_batch([b"record"], START)
    later, _ = encode_batch([b"later"], after)
    data = frame + b"BLTB".ljust(SECTOR_BYTES, b"\0") + b"x" * 256 + later[:256] + later
    assert find_batch(data, salt=START.salt, start=0) == 0
    assert find_batch(data, salt=START.salt, start=SECTOR_BYTES) == 3 * SECTOR_BYTES
    assert find_batch(data, salt=b"other456", start=0) is None


@pytest.mark.parametrize(
    ("size", "found"), [(BATCH_HEADER_BYTES, 0), (BATCH_HEADER_BYTES - 1, None)]
)
def test_find_batch_cut_short(size: int, found: int | None) -> None:
    """A header that is whole is found, though nothing of its batch follows in the file."""
    frame, _ = encode_batch([b"record"], START)
    assert find_batch(frame[:size], salt=START.salt, start=0) == found


def test_frame_bytes() -> None:
    """A batch takes whole sectors, and not one more than it needs."""
    room = SECTOR_BYTES - BATCH_HEADER_BYTES
    assert [frame_bytes(size) for size in (1, room, room + 1)] == [512, 512, 1024]


def _by_the_table(count: int, payload: bytes, *, payload_bytes: int | None = None) -> bytes:
    size = len(payload) if payload_bytes is None else payload_bytes
    fields = struct.pack("<4sI8sQQII", b"BLTB", size, START.salt, 1, 1, count, crc32(payload))
    chain = blake2b(START.chain + fields + payload, digest_size=8).digest()
    header = fields + chain
    return (header + struct.pack("<I", crc32(header)) + payload).ljust(512, b"\0")
