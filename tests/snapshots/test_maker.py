"""The next snapshot, from the last one and the sealed records."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshots.errors import Corrupt
from snapshots.maker import make
from snapshots.store import SnapshotStore
from torture.crash_fs import CrashFS

STORE_ID = b"sixteen bytes id"


class Records:
    """A sealed log of bytes, and a state that is the list of all of them."""

    def __init__(self, *payloads: bytes) -> None:
        self.payloads = list(payloads)

    def read_sealed(self, after_lsn: int) -> Iterator[tuple[int, bytes]]:
        yield from list(enumerate(self.payloads, start=1))[after_lsn:]

    def make(self, store: SnapshotStore) -> int | None:
        return make(
            store=store, read_sealed=self.read_sealed, load=load, apply=apply, dump=lambda s: s
        )


def load(chunks: Iterable[bytes] | None) -> list[bytes]:
    return list(chunks) if chunks else []


def apply(state: list[bytes], lsn: int, payload: bytes) -> None:
    assert lsn == len(state) + 1
    state.append(payload)


def newest(store: SnapshotStore) -> tuple[int, list[bytes]]:
    snapshot = store.load_newest()
    assert snapshot is not None
    with snapshot:
        return snapshot.lsn, list(snapshot.chunks())


def test_nothing_sealed(store: SnapshotStore) -> None:
    """Without records there is no snapshot."""
    assert Records().make(store) is None
    assert store.load_newest() is None


def test_first_snapshot(store: SnapshotStore) -> None:
    """The first snapshot begins with the state before record 1."""
    assert Records(b"one", b"two").make(store) == 2
    assert newest(store) == (2, [b"one", b"two"])


def test_nothing_new(store: SnapshotStore) -> None:
    """When the newest snapshot has everything, none is made."""
    records = Records(b"one", b"two")
    records.make(store)
    assert records.make(store) is None


def test_a_dead_maker_s_pruning_is_made_up_for(store: SnapshotStore) -> None:
    """Though nothing is new: no snapshot is left whose log may be dropped now."""
    records = Records(b"one", b"two", b"three")
    for lsn in (1, 2, 3):
        store.save(lsn, records.payloads[:lsn])
    assert records.make(store) is None
    assert store.lsns() == [3, 2]


def test_old_ones_go(store: SnapshotStore) -> None:
    """Two snapshots are kept, and the log is covered through the older."""
    records = Records()
    for payload in (b"one", b"two", b"three", b"four"):
        records.payloads.append(payload)
        records.make(store)
    assert len(list(store.directory.glob("*.snapshot"))) == 2
    assert store.covered_lsn() == 3


def test_bad_newest(store: SnapshotStore) -> None:
    """A bad snapshot is made again from the one before it."""
    records = Records(b"one")
    records.make(store)
    records.payloads.append(b"two")
    records.make(store)
    path = store.directory / "00000000000000000002.snapshot"
    path.write_bytes(path.read_bytes()[:-1])
    assert records.make(store) == 2
    assert newest(store) == (2, [b"one", b"two"])


def test_failing_apply(store: SnapshotStore) -> None:
    """A record that does not apply makes no snapshot."""
    records = Records(b"one", b"two")

    def refuse(state: list[bytes], lsn: int, payload: bytes) -> None:
        raise RuntimeError(f"record {lsn} does not apply")

    with pytest.raises(RuntimeError, match="record 1"):
        make(store=store, read_sealed=records.read_sealed, load=load, apply=refuse, dump=list)
    assert store.load_newest() is None


def test_rotting_between_check_and_use(store: SnapshotStore) -> None:
    """Chunks are checked again when they are used."""
    store.save(1, [b"one"])
    snapshot = store.load_newest()
    assert snapshot is not None
    content = bytearray(snapshot.path.read_bytes())
    content[-50] ^= 1
    snapshot.path.write_bytes(content)
    with snapshot, pytest.raises(Corrupt):
        list(snapshot.chunks())


@given(st.lists(st.lists(st.binary(min_size=1, max_size=20), max_size=6), max_size=6))
def test_equals_full_replay(rounds: list[list[bytes]]) -> None:
    """However the log is cut into rounds, the snapshot is the state of a full replay."""
    store = SnapshotStore(Path("/snapshots"), store_id=STORE_ID, fs=CrashFS())
    records = Records()
    for payloads in rounds:
        records.payloads += payloads
        assert records.make(store) == (len(records.payloads) if payloads else None)
    if records.payloads:
        assert newest(store) == (len(records.payloads), records.payloads)
