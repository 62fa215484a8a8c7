"""One snapshot of a data directory, made beside whoever writes it."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from engine import STORE_FAULTS, Engine, snapshotter
from engine.dump import VERSION, digest, load
from engine.errors import LossyDump
from engine.recorded import replay
from engine.snapshotter import make_snapshot
from engine.store import open_snapshots
from snapshots import SnapshotStore
from tests.scenario import EVENTS, START_MS
from wal import SEGMENT_BYTES_MAX, Corrupt, read_sealed
from wal.files import OsFileSystem

SMALL = 8_192  # bytes of a segment: a few batches


@pytest.fixture
def store(tmp_path: Path) -> Engine:
    Engine.create(tmp_path, store_id=b"sixteen bytes id")
    return Engine.open(tmp_path, EVENTS, segment_bytes_max=SMALL)


def book(store: Engine, bookings: int) -> None:
    """One batch each."""
    for _ in range(bookings):
        store.create_booking(user_id=1, event_id=2, now_ms=START_MS)
        store.flush()


def state_of(directory: Path, lsn: int) -> str:
    with open_snapshots(directory).open(lsn) as snapshot:
        return digest(load(snapshot.chunks()))


def test_a_snapshot_is_the_replay_up_to_it(store: Engine, tmp_path: Path) -> None:
    """From nothing and from the snapshot before, while the log is being written (I9)."""
    made = []
    for _ in range(3):
        book(store, 20)
        lsn = make_snapshot(tmp_path)
        assert lsn is not None
        assert store.sealed_lsn == lsn < store.durable_lsn
        records = [one for one in read_sealed(tmp_path / "wal") if one[0] <= lsn]
        assert digest(replay(records)) == state_of(tmp_path, lsn)
        made.append(lsn)
    store.close()

    assert made[1:] == sorted(open_snapshots(tmp_path).lsns())


def test_nothing_new_is_no_snapshot(store: Engine, tmp_path: Path) -> None:
    """Neither of an empty log nor twice of the same; what isn't sealed doesn't count."""
    assert make_snapshot(tmp_path) is None
    book(store, 3)
    assert make_snapshot(tmp_path) is None
    store.seal_log()
    store.flush()
    assert 3 == make_snapshot(tmp_path)
    assert make_snapshot(tmp_path) is None
    store.close()

    assert [3] == open_snapshots(tmp_path).lsns()


def run(directory: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "engine.snapshotter", str(directory)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_process_says_how_far_it_came(store: Engine, tmp_path: Path) -> None:
    """The LSN on its stdout, or nothing where nothing is new."""
    book(store, 3)
    store.seal_log()
    store.flush()
    first, second = run(tmp_path), run(tmp_path)
    store.close()

    assert (0, "3\n", "") == (first.returncode, first.stdout, first.stderr)
    assert (0, "", "") == (second.returncode, second.stdout, second.stderr)


def test_nothing_new_is_said_by_nothing(
    store: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The keeper reads a number or an empty line's worth."""
    sealed(store, 3)
    said = []
    for _ in range(2):
        snapshotter.main(tmp_path)
        said.append(capsys.readouterr().out)
    store.close()
    assert ["3\n", ""] == said


def test_the_process_says_what_is_wrong(store: Engine, tmp_path: Path) -> None:
    """In one sentence that names the file, with exit code 1; no snapshot has been added."""
    book(store, 30)
    store.close()
    segment = min((tmp_path / "wal").glob("*.wal"))
    content = bytearray(segment.read_bytes())
    content[5_000] ^= 1
    segment.write_bytes(content)

    ended = run(tmp_path)

    assert (1, "") == (ended.returncode, ended.stdout)
    assert ended.stderr.startswith(f"Corrupt: {segment} at byte ")
    assert 1 == ended.stderr.count("\n")
    assert [] == open_snapshots(tmp_path).lsns()


def test_a_snapshot_of_another_store_is_said_to_be_wrong(store: Engine, tmp_path: Path) -> None:
    """In a sentence, too: whatever the files are, the process ends without a traceback."""
    store.close()
    SnapshotStore(tmp_path / "snapshots", store_id=b"another store id").save(1, [b"theirs"])

    with pytest.raises(SystemExit, match=r"^Foreign: .*of another store"):
        snapshotter.main(tmp_path)


def test_a_state_that_is_not_the_log_s_is_said_to_be_wrong(store: Engine, tmp_path: Path) -> None:
    """The maker replays the log, so it is the first to notice."""
    book(store, 1)
    store._state.shards[2].revenue_minor += 1
    store.check_state(now_ms=START_MS)
    store.seal_log()
    store.close()

    with pytest.raises(SystemExit, match=r"^StateDiverged: record \d+: event 2"):
        snapshotter.main(tmp_path)


def test_no_log_is_no_snapshot(tmp_path: Path) -> None:
    """Nothing is made where nothing is."""
    with pytest.raises(STORE_FAULTS):
        make_snapshot(tmp_path)
    with pytest.raises(SystemExit, match=r"^NoLog: "):
        snapshotter.main(tmp_path)

    assert [] == list(tmp_path.iterdir())


def test_what_recovery_could_do_without_is_told(store: Engine, tmp_path: Path) -> None:
    """A bad newest snapshot and a torn end of the log: named, and everything else is there."""
    for _ in range(2):
        book(store, 20)
        make_snapshot(tmp_path)
    expected = store.digest()
    store.close()
    newest = max((tmp_path / "snapshots").glob("*.snapshot"))
    newest.write_bytes(newest.read_bytes()[:-1])
    segment = max((tmp_path / "wal").glob("*.wal"))
    written = segment.read_bytes().rstrip(b"\0")
    end = -(-len(written) // 512) * 512
    segment.write_bytes(written.ljust(end, b"\0") + b"half a batch")

    again = Engine.open(tmp_path, EVENTS)
    again.close()

    assert expected == again.digest()
    assert again.snapshot_lsn == open_snapshots(tmp_path).lsns()[0]
    snapshot, torn = again.set_aside
    assert snapshot.startswith(f"{newest}: ")
    assert torn == f"{segment} at byte {end}: 12 bytes that were never acknowledged"


def test_a_start_without_a_good_snapshot_names_the_broken_ones(
    store: Engine, tmp_path: Path
) -> None:
    """The log alone doesn't go back so far: this start says why, and so does every later one."""
    for _ in range(2):
        sealed(store, 3)
        make_snapshot(tmp_path)
    store.drop_log_through(3)
    store.close()
    rotten = sorted((tmp_path / "snapshots").glob("*.snapshot"))
    for path in rotten:
        path.write_bytes(path.read_bytes()[:-1])

    for _ in range(2):
        with pytest.raises(Corrupt, match=r"are in no segment; .*: restore a backup") as caught:
            Engine.open(tmp_path, EVENTS)
        assert all(f"{path}.broken" in str(caught.value) for path in rotten)
        assert 0 == caught.value.last_good_lsn


def lossy(directory: Path, lsn: int) -> None:
    """Let the snapshot's digest be that of another state, every checksum being right."""
    snapshots = open_snapshots(directory)
    with snapshots.open(lsn) as snapshot:
        *chunks, _ = snapshot.chunks()
    snapshots.save(lsn, [*chunks, msgspec.msgpack.encode(["digest", "0" * 32, VERSION])])


def sealed(store: Engine, bookings: int) -> None:
    book(store, bookings)
    store.seal_log()
    store.flush()


def test_a_lossy_snapshot_is_set_aside(store: Engine, tmp_path: Path) -> None:
    """No snapshot is made of it; the next try begins with the one before."""
    for _ in range(2):
        sealed(store, 3)
        make_snapshot(tmp_path)
    lossy(tmp_path, 6)
    sealed(store, 3)

    with pytest.raises(LossyDump):
        make_snapshot(tmp_path)
    assert [3] == open_snapshots(tmp_path).lsns()
    assert 9 == make_snapshot(tmp_path)

    assert store.digest() == state_of(tmp_path, 9)
    store.close()


def test_recovery_does_without_a_lossy_snapshot(store: Engine, tmp_path: Path) -> None:
    """It is set aside and reported; the one before it and the log give everything."""
    for _ in range(2):
        sealed(store, 3)
        make_snapshot(tmp_path)
    book(store, 1)
    store.close()
    lossy(tmp_path, 6)

    again = Engine.open(tmp_path, EVENTS)

    assert (3, store.digest()) == (again.snapshot_lsn, again.digest())
    (told,) = again.set_aside
    assert f"{6:020d}.snapshot: state {'0' * 32} was dumped" in told
    assert (tmp_path / "snapshots" / f"{6:020d}.snapshot.broken").exists()
    again.close()


def test_a_snapshot_leaves_the_log_its_room(
    store: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A maker that would take the next segment's gives up and says how much is to be freed."""
    sealed(store, 3)
    disk_bytes = SEGMENT_BYTES_MAX + (3 << 19)

    def free_bytes(_: OsFileSystem, __: Path) -> int:
        taken = sum(path.stat().st_size for path in (tmp_path / "snapshots").iterdir())
        return disk_bytes - taken

    monkeypatch.setattr(OsFileSystem, "free_bytes", free_bytes)
    monkeypatch.setattr(snapshotter, "dump", lambda _: iter([bytes(1 << 20)] * 3))
    with pytest.raises(SystemExit, match=r"^OSError: .* takes 2 MiB more than is free"):
        snapshotter.main(tmp_path)
    assert ["LOCK"] == os.listdir(tmp_path / "snapshots")

    disk_bytes += 2 << 20
    assert 3 == make_snapshot(tmp_path)
    store.close()


def test_a_snapshot_needs_room_where_snapshots_lie(
    store: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may have a disk of their own, and the data directory's be nearly full of the rest."""
    sealed(store, 3)

    def free_bytes(_: OsFileSystem, directory: Path) -> int:
        return 1 << 40 if directory == tmp_path / "snapshots" else 0

    monkeypatch.setattr(OsFileSystem, "free_bytes", free_bytes)
    assert 3 == make_snapshot(tmp_path)
    store.close()


def test_a_start_takes_back_the_space_of_a_dead_maker(
    store: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full of what it has left behind, and the log needs a segment to go on."""
    book(store, 3)
    store.close()
    left = tmp_path / "snapshots" / "next.snapshot.tmp"
    left.write_bytes(b"half a snapshot")
    write = OsFileSystem.pwrite

    def pwrite(fs: OsFileSystem, file: int, data: bytes, offset: int) -> int:
        if left.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fs, file, data, offset)

    monkeypatch.setattr(OsFileSystem, "pwrite", pwrite)
    again = Engine.open(tmp_path, EVENTS)

    assert 3 == again.durable_lsn
    again.close()


def test_where_both_snapshots_rot_beside_a_server_a_backup_s_lead_on(
    store: Engine, tmp_path: Path
) -> None:
    """They are named at once, while all that they lack is still known; and nothing is lost."""
    for _ in range(2):
        sealed(store, 3)
        make_snapshot(tmp_path)
    paths = sorted((tmp_path / "snapshots").glob("*.snapshot"))
    backup = paths[-1].read_bytes()
    store.drop_log_through(3)
    for path in paths:
        path.write_bytes(b"rotten")
    sealed(store, 3)

    with pytest.raises(Corrupt, match=f"{paths[-1].name}.broken.*: restore a backup, or copy"):
        make_snapshot(tmp_path)
    paths[-1].write_bytes(backup)
    assert store.durable_lsn == make_snapshot(tmp_path)
    store.close()
