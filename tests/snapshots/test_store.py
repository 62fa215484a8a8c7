"""Whole-state files: complete under their name, or not there."""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from random import Random

import pytest

from snapshots.errors import Busy, Corrupt, Foreign
from snapshots.format import CHUNK_BYTES_MAX
from snapshots.store import SnapshotStore, broken_paths
from tests.descriptors import opened_files
from tests.wal.fake_disks import FaultyDisk
from torture.crash_fs import CrashFS, Fate, PowerCut, no_trouble, power_cut_after
from torture.power import chance

STORE_ID = b"sixteen bytes id"


def chunks_of(store: SnapshotStore) -> tuple[int, list[bytes]] | None:
    snapshot = store.load_newest()
    if snapshot is None:
        return None
    with snapshot:
        return snapshot.lsn, list(snapshot.chunks())


def names_of(store: SnapshotStore) -> list[str]:
    return sorted(path.name for path in store.directory.iterdir() if path.name != "LOCK")


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def die_before(disk: CrashFS, call: str) -> None:
    """From now on whoever makes this call is killed before it."""

    def die(name: str, size: int) -> int:
        if name == call:
            raise PowerCut
        return size

    disk.trouble = die


def test_empty(store: SnapshotStore) -> None:
    """An empty store has no snapshot and covers nothing."""
    assert store.load_newest() is None
    assert store.covered_lsn() == 0


def test_save_and_load(store: SnapshotStore) -> None:
    """The newest snapshot is loaded, as it was saved."""
    store.save(5, [b"five"])
    path = store.save(12, iter([b"twelve", b"in two"]))
    assert path.name == "00000000000000000012.snapshot"
    assert chunks_of(store) == (12, [b"twelve", b"in two"])


def test_saved_again(store: SnapshotStore) -> None:
    """A snapshot of the same LSN takes the place of the old one."""
    store.save(5, [b"old"])
    store.save(5, [b"new"])
    assert chunks_of(store) == (5, [b"new"])


def test_store_id_length(tmp_path: Path) -> None:
    """A store id has sixteen bytes."""
    with pytest.raises(ValueError, match="16 bytes"):
        SnapshotStore(tmp_path, store_id=b"short")


def test_bad_newest(store: SnapshotStore) -> None:
    """A bad snapshot is set aside and reported, and the one before it serves."""
    store.save(5, [b"five"])
    damage(store.save(12, [b"twelve"]))
    assert chunks_of(store) == (5, [b"five"])
    assert [fault.file.name for fault in store.broken] == ["00000000000000000012.snapshot"]
    assert names_of(store) == [
        "00000000000000000005.snapshot",
        "00000000000000000012.snapshot.broken",
    ]


def test_all_bad(store: SnapshotStore) -> None:
    """When none is good there is none, and each is reported."""
    damage(store.save(5, [b"five"]))
    damage(store.save(12, [b"twelve"]))
    assert store.load_newest() is None
    assert len(store.broken) == 2


def test_unreadable_newest(tmp_path: Path) -> None:
    """A sector that cannot be read is as bad as a wrong one."""
    disk = FaultyDisk()
    store = SnapshotStore(tmp_path, store_id=STORE_ID, fs=disk.fs)
    store.save(5, [b"five"])
    store.save(12, [b"twelve"])
    files = os.listdir("/proc/self/fd")
    disk.refuse("pread", errno.EIO)
    assert chunks_of(store) == (5, [b"five"])
    assert len(os.listdir("/proc/self/fd")) == len(files)


def test_renamed(store: SnapshotStore) -> None:
    """A snapshot under the name of another LSN is bad."""
    store.save(5, [b"five"]).rename(store.directory / "00000000000000000099.snapshot")
    assert store.load_newest() is None
    assert "holds LSN 5" in store.broken[0].reason


def test_of_another_store(store: SnapshotStore) -> None:
    """A good snapshot of another store stops everything, and is left where it is."""
    SnapshotStore(store.directory, store_id=b"another store id").save(5, [b"theirs"])
    with pytest.raises(Foreign, match="another store"):
        store.load_newest()
    assert names_of(store) == ["00000000000000000005.snapshot"]


def test_covered_lsn(store: SnapshotStore) -> None:
    """The log may go through the older of the two newest good snapshots."""
    store.save(5, [b"five"])
    assert store.covered_lsn() == 0
    middle = store.save(12, [b"twelve"])
    assert store.covered_lsn() == 5
    store.save(30, [b"thirty"])
    assert store.covered_lsn() == 12
    damage(middle)
    assert store.covered_lsn() == 5


def test_lsns_and_open(store: SnapshotStore) -> None:
    """Every snapshot can be listed and opened by its LSN; a bad one is refused and stays put."""
    for lsn in (5, 12):
        store.save(lsn, [b"%d" % lsn])
    damage(store.save(30, [b"thirty"]))
    assert store.lsns() == [30, 12, 5]
    with store.open(5) as snapshot:
        assert list(snapshot.chunks()) == [b"5"]
    with pytest.raises(Corrupt):
        store.open(30)
    assert store.lsns() == [30, 12, 5]
    assert store.broken == []


def test_prune(store: SnapshotStore) -> None:
    """Pruning keeps the two newest."""
    for lsn in (1, 2, 3, 4):
        store.save(lsn, [b"state"])
    store.prune()
    assert names_of(store) == ["00000000000000000003.snapshot", "00000000000000000004.snapshot"]
    store.prune(keep=1)
    assert names_of(store) == ["00000000000000000004.snapshot"]


def test_prune_counts_only_good_ones(store: SnapshotStore) -> None:
    """A bad snapshot does not push out a good one."""
    store.save(1, [b"one"])
    store.save(2, [b"two"])
    damage(store.save(3, [b"three"]))
    store.prune()
    assert store.covered_lsn() == 1


def test_too_few_to_prune(store: SnapshotStore) -> None:
    """With fewer good ones than are kept, nothing goes."""
    store.save(1, [b"one"])
    store.prune()
    assert names_of(store) == ["00000000000000000001.snapshot"]


def test_no_open_files_are_left(store: SnapshotStore) -> None:
    """Whatever is done with snapshots closes what it opens, and so does whatever is refused."""
    before = opened_files()
    for lsn in (1, 2, 3):
        store.save(lsn, [b"state"])
    store.covered_lsn()
    store.prune()
    with store.load_newest() or pytest.fail("none") as snapshot:
        snapshot.close()
    with pytest.raises(Foreign):
        SnapshotStore(store.directory, store_id=b"another store id").load_newest()
    damage(store.save(4, [b"four"]))
    with pytest.raises(Corrupt):
        store.open(4)
    with pytest.raises(ValueError, match="a chunk of"):
        store.save(5, [bytes(CHUNK_BYTES_MAX + 1)])
    assert before == opened_files()


def test_pruned_while_being_looked_for(tmp_path: Path) -> None:
    """A snapshot that another process removes at this moment is passed over."""
    disk = FaultyDisk()
    store = SnapshotStore(tmp_path, store_id=STORE_ID, fs=disk.fs)
    store.save(5, [b"five"])
    store.save(12, [b"twelve"])

    def remove(name: str, _: object) -> None:
        if name == "open":
            disk.fault = None
            (tmp_path / "00000000000000000012.snapshot").unlink()

    disk.fault = remove
    assert chunks_of(store) == (5, [b"five"])
    assert store.broken == []


def test_one_maker_at_a_time(store: SnapshotStore) -> None:
    """Two makers, one of them the orphan of a dead server, do not write over each other."""

    other = SnapshotStore(store.directory, store_id=STORE_ID)

    def chunks() -> Iterator[bytes]:
        with pytest.raises(Busy):
            other.save(6, [b"six"])
        yield b"five"

    store.save(5, chunks())
    assert chunks_of(other) == (5, [b"five"])


def test_a_foreign_name_is_left_alone(store: SnapshotStore) -> None:
    """A file that isn't named as a snapshot is none, wherever snapshots are looked for."""
    path = store.save(5, [b"five"])
    for name in ("notes.snapshot", "5.snapshot", "00000000000000000007.snapshot.copy"):
        (store.directory / name).write_bytes(path.read_bytes())
    before = names_of(store)
    assert store.lsns() == [5]
    assert chunks_of(store) == (5, [b"five"])
    assert store.broken == []
    assert names_of(store) == before


def test_what_a_power_cut_would_take_covers_nothing() -> None:
    """A maker that dies before its snapshot's name is durable leaves one that a power cut takes.

    What the log may be dropped through on its account must last.
    """
    disk = CrashFS()
    store = SnapshotStore(Path("/snapshots"), store_id=STORE_ID, fs=disk)
    store.save(5, [b"five"])

    die_before(disk, "sync_directory")
    with pytest.raises(PowerCut):
        store.save(12, [b"twelve"])
    disk.end_process()
    again = SnapshotStore(Path("/snapshots"), store_id=STORE_ID, fs=disk)
    assert again.covered_lsn() == 5
    left = disk.after_power_cut(lambda: Fate.LOST)
    assert SnapshotStore(Path("/snapshots"), store_id=STORE_ID, fs=left).lsns() == [12, 5]


@pytest.mark.parametrize("calls", range(40))
def test_what_a_power_cut_would_take_pushes_nothing_out(calls: int) -> None:
    """While the newest one's name isn't durable, two others are left, wherever a prune ends."""
    disk = CrashFS()
    store = SnapshotStore(Path("/snapshots"), store_id=STORE_ID, fs=disk)
    store.save(5, [b"five"])
    store.save(12, [b"twelve"])
    die_before(disk, "sync_directory")
    with pytest.raises(PowerCut):
        store.save(30, [b"thirty"])
    disk.end_process()
    again = SnapshotStore(Path("/snapshots"), store_id=STORE_ID, fs=disk)
    disk.trouble = power_cut_after(calls)
    with suppress(PowerCut):
        again.prune()
    fates = iter([Fate.KEPT, Fate.LOST])  # of the temporary name, and of the final one
    left = disk.after_power_cut(lambda: next(fates, Fate.KEPT))
    assert len(SnapshotStore(Path("/snapshots"), store_id=STORE_ID, fs=left).lsns()) >= 2


def test_what_is_set_aside_stays_so_after_a_power_cut() -> None:
    """It was reported under that name, and is there to be looked at."""
    disk = CrashFS()
    store = SnapshotStore(Path("/snapshots"), store_id=STORE_ID, fs=disk)
    store.save(5, [b"five"])
    path = store.save(12, [b"twelve"])
    store.set_aside(Corrupt(path, "it isn't true"))

    left = disk.after_power_cut(lambda: Fate.LOST)
    assert SnapshotStore(Path("/snapshots"), store_id=STORE_ID, fs=left).lsns() == [5]
    assert broken_paths(store.directory, fs=left) == [path.with_name(f"{path.name}.broken")]


def test_what_was_written_is_read_from_the_disk() -> None:
    """A disk that loses what it acknowledged is noticed although the page cache still shows it."""
    disk = CrashFS()
    store = SnapshotStore(Path("/snapshots"), store_id=STORE_ID, fs=disk)

    def lose(name: str, size: int) -> int:
        if name == "fsync":
            for inode in disk.open_files.values():
                inode.unsynced.clear()
        return size

    disk.trouble = lose
    with pytest.raises(Corrupt):
        store.save(5, [b"five"])
    disk.trouble = no_trouble
    assert store.load_newest() is None


@pytest.mark.parametrize("call", ["create", "pwrite", "fsync", "pread", "rename"])
def test_failed_save(tmp_path: Path, call: str) -> None:
    """A save that fails adds nothing and leaves nothing, and the next one succeeds."""
    disk = FaultyDisk()
    store = SnapshotStore(tmp_path, store_id=STORE_ID, fs=disk.fs)
    store.save(5, [b"five"])
    disk.refuse(call, errno.ENOSPC)
    with pytest.raises(OSError, match="refused") as caught:
        store.save(12, [b"twelve"])
    if call in ("pwrite", "fsync", "pread"):  # the system knows the others' file by itself
        assert caught.value.filename == str(tmp_path / "next.snapshot.tmp")
    disk.fault = None
    assert names_of(store) == ["00000000000000000005.snapshot"]
    assert chunks_of(store) == (5, [b"five"])
    store.save(12, [b"twelve"])
    assert chunks_of(store) == (12, [b"twelve"])


def test_what_another_file_refuses_is_not_said_of_this_one(tmp_path: Path) -> None:
    """Chunks may come from elsewhere: those of a backup are read on another disk."""
    elsewhere = OSError(errno.EIO, "refused")

    def chunks() -> Iterator[bytes]:
        yield b"five"
        raise elsewhere

    with pytest.raises(OSError, match="refused"):
        SnapshotStore(tmp_path, store_id=STORE_ID).save(5, chunks())
    assert elsewhere.filename is None


def test_what_fails_is_told_though_its_remains_stay(tmp_path: Path) -> None:
    """A disk that refuses everything: the first refusal says why, and the next save cleans up."""
    disk = FaultyDisk()

    def refuse(name: str, _: object) -> None:
        if name in ("pwrite", "unlink"):
            raise OSError(errno.EIO, f"refused {name}")

    store = SnapshotStore(tmp_path, store_id=STORE_ID, fs=disk.fs)
    disk.fault = refuse
    with pytest.raises(OSError, match="refused pwrite"):
        store.save(5, [b"five"])
    disk.fault = None
    store.save(5, [b"five"])
    assert names_of(store) == ["00000000000000000005.snapshot"]


def test_what_a_dead_maker_left_gives_its_space_back() -> None:
    """But not while an orphan is still writing it: that one will have its name."""
    disk = CrashFS()
    store = SnapshotStore(Path("/snapshots"), store_id=STORE_ID, fs=disk)
    other = SnapshotStore(Path("/snapshots"), store_id=STORE_ID, fs=disk)

    def chunks() -> Iterator[bytes]:
        other.remove_unfinished()
        yield b"five"

    store.save(5, chunks())
    assert chunks_of(other) == (5, [b"five"])

    die_before(disk, "rename")
    with pytest.raises(PowerCut):
        store.save(12, [b"twelve"])
    disk.end_process()
    assert "next.snapshot.tmp" in disk.names(store.directory)
    for _ in range(2):
        other.remove_unfinished()
        assert "next.snapshot.tmp" not in disk.names(store.directory)


def test_short_reads_and_writes(tmp_path: Path) -> None:
    """Reads and writes that give less than asked are gone on with."""
    disk = FaultyDisk()

    def shorten(name: str, arguments: tuple[object, ...]) -> object:
        match name, arguments:
            case "pwrite", (int(file), bytes(data), int(offset)):
                return os.pwrite(file, data[:7], offset)
            case "pread", (int(file), int(size), int(offset)):
                return os.pread(file, min(size, 7), offset)
        return None

    disk.fault = shorten
    store = SnapshotStore(tmp_path, store_id=STORE_ID, fs=disk.fs)
    store.save(5, [bytes(range(100))])
    assert chunks_of(store) == (5, [bytes(range(100))])


@pytest.mark.parametrize("place", [0, 3, 20, 41, 60, 85])
def test_disk_that_writes_something_else(tmp_path: Path, place: int) -> None:
    """What does not read back as it was written gets no name."""
    disk = FaultyDisk()

    def garble(name: str, arguments: tuple[object, ...]) -> None:
        if name == "fsync":
            file = arguments[0]
            assert isinstance(file, int)
            byte = os.pread(file, 1, place)
            os.pwrite(file, bytes([byte[0] ^ 1]), place)

    store = SnapshotStore(tmp_path, store_id=STORE_ID, fs=disk.fs)
    disk.fault = garble
    with pytest.raises(Corrupt):
        store.save(5, [b"five"])
    assert store.load_newest() is None


def test_disk_that_writes_another_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole snapshot in place of the one that was written is noticed too."""
    other = SnapshotStore(tmp_path / "other", store_id=STORE_ID).save(5, [b"other"]).read_bytes()
    disk = FaultyDisk()

    def exchange(name: str, arguments: tuple[object, ...]) -> None:
        if name == "fsync":
            file = arguments[0]
            assert isinstance(file, int)
            os.pwrite(file, other, 0)
            os.ftruncate(file, len(other))

    store = SnapshotStore(tmp_path / "ours", store_id=STORE_ID, fs=disk.fs)
    disk.fault = exchange
    with pytest.raises(Corrupt, match="read back"):
        store.save(5, [b"five"])


@pytest.mark.parametrize("seed", range(5))
def test_power_cut_at_every_call(seed: int) -> None:
    """Wherever the power goes during a save and a prune, a good snapshot is found afterwards."""
    random = Random(seed)
    states = {lsn: [b"%d" % lsn * 400, random.randbytes(900)] for lsn in (1, 2, 3, 4)}
    for calls in count():
        disk = CrashFS()
        saved = 0
        try:
            store = SnapshotStore(Path("/snapshots"), store_id=STORE_ID, fs=disk)
            store.save(1, states[1])
            store.save(2, states[2])
            saved = 2
            disk.trouble = power_cut_after(calls)
            store.save(3, states[3])
            saved = 3
            store.prune()
            store.save(4, states[4])
            saved = 4
        except PowerCut:
            disk = disk.after_power_cut(chance(random))
        else:
            assert calls > 40
            return
        again = SnapshotStore(Path("/snapshots"), store_id=STORE_ID, fs=disk)
        newest = chunks_of(again)
        assert newest is not None
        assert newest[0] in (saved, saved + 1)
        assert newest[1] == states[newest[0]]
        assert again.broken == []
        assert again.covered_lsn() == newest[0] - 1
        again.save(9, [b"nine"])
        assert chunks_of(again) == (9, [b"nine"])
