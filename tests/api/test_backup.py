"""A data directory copied whole and brought back; what is damaged is never given a name."""

import errno
import hashlib
import io
import shutil
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from api import store
from api.backup import NAME, Manifest, Sum, backup, read, restore
from catalog import Catalog
from catalog.workplace import put
from engine import Engine
from engine.backup import copy_store
from engine.snapshotter import make_snapshot
from engine.store import WAL_DIRECTORY, StoreMoved
from engine.verify import verify_store
from tests.descriptors import Asked

NOW = datetime(2027, 1, 10, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp()) * 1_000


def opened(data: Path) -> Engine:
    catalog = Catalog.open(data / store.CATALOG_DIRECTORY)
    events = store.events_on_sale(catalog)
    catalog.close()
    return Engine.open(data, events)


def sell(engine: Engine) -> None:
    booking_id = engine.create_booking(user_id=1, event_id=2, now_ms=NOW_MS)
    seat = engine.deal(event_id=2, row=None, limit=1)[0]
    engine.select_seat(user_id=1, booking_id=booking_id, seat_id=seat.seat_id, now_ms=NOW_MS)
    engine.flush()


@pytest.fixture
def sold(data: Path) -> Path:
    """A data directory with a booking, and a file of places."""
    (data / store.PLACES_DIRECTORY).mkdir()
    (data / store.PLACES_DIRECTORY / "1.places").write_bytes(b"places")
    engine = opened(data)
    sell(engine)
    engine.close()
    return data


@pytest.fixture
def made(sold: Path, tmp_path: Path) -> Path:
    """A backup of it."""
    backup(sold, tmp_path / "backup", now=NOW, progress=False)
    return tmp_path / "backup"


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def test_what_is_restored_is_what_was_there(sold: Path, made: Path, tmp_path: Path) -> None:
    """Catalog and places byte by byte, and the state of all bookings."""
    restored = tmp_path / "restored"
    restore(made, restored, progress=False)

    before, after = contents(sold), contents(restored)
    given = ("catalog/", "places/", store.TICKET_KEY)
    assert store.TICKET_KEY in before
    assert {name: one for name, one in before.items() if name.startswith(given)} == {
        name: one for name, one in after.items() if name.startswith(given)
    }
    assert verify_store(sold).digest == verify_store(restored).digest
    assert "" == store.verify(restored).fault
    engine = opened(restored)
    sell(engine)
    assert [2_000_000_001, 2_000_000_002] == [one.booking_id for one in engine.bookings_of(1)]
    engine.close()


def test_a_backup_is_taken_beside_the_engine(data: Path, tmp_path: Path) -> None:
    """It waits for nobody's lock, and holds what was durable."""
    engine = opened(data)
    sell(engine)
    told = backup(data, tmp_path / "backup", now=NOW, progress=False)
    sell(engine)
    engine.close()

    assert (2, "2027-01-10T12:00:00+00:00") == (told.lsn, told.made_at)
    restore(tmp_path / "backup", tmp_path / "restored", progress=False)
    assert told.digest == verify_store(tmp_path / "restored").digest


def test_a_backup_tells_what_is_in_it(made: Path) -> None:
    """Every file but the manifest, with size and checksum; only its owner may read it."""
    manifest = read(made)
    files = contents(made)
    assert set(manifest.files) == {name for name in files if not name.endswith("LOCK")} - {NAME}
    assert all(manifest.files[name].size_bytes == len(files[name]) for name in manifest.files)
    modes = {(made / name).stat().st_mode & 0o077 for name in manifest.files}
    assert {0} == modes


@pytest.mark.parametrize("part", ["catalog", "places", "wal", "snapshots"])
def test_damage_of_any_file_is_found(sold: Path, tmp_path: Path, part: str) -> None:
    """A single bit: the file is named, and nothing is left of the directory begun."""
    engine = opened(sold)
    engine.seal_log()
    engine.flush()
    engine.close()
    make_snapshot(sold)
    made = tmp_path / "backup"
    manifest = backup(sold, made, now=NOW, progress=False)
    names = [name for name in manifest.files if name.startswith(part)]
    assert names
    for name in names:
        path = made / name
        good = path.read_bytes()
        path.write_bytes(bytes([good[0] ^ 1]) + good[1:])
        with pytest.raises(store.StoreError, match=r"is damaged: its checksum differs"):
            restore(made, tmp_path / "restored", progress=False)
        path.write_bytes(good)
    assert {"data", "backup"} == {path.name for path in tmp_path.iterdir()}


def test_a_missing_file_is_found(made: Path, tmp_path: Path) -> None:
    """By its name, before anything has a final one."""
    next((made / WAL_DIRECTORY).glob("*.wal")).unlink()
    with pytest.raises(FileNotFoundError):
        restore(made, tmp_path / "restored", progress=False)
    assert not (tmp_path / "restored").exists()


def reworded(made: Path, **changes: object) -> None:
    """Let the manifest say something else."""
    manifest = msgspec.structs.replace(read(made), **changes)
    (made / NAME).write_bytes(msgspec.json.encode(manifest))


@pytest.mark.parametrize("changes", [{"lsn": 3}, {"digest": "0" * 32}])
def test_another_state_than_the_manifest_says_is_refused(
    made: Path, tmp_path: Path, changes: dict[str, object]
) -> None:
    """Files that fit each other may still be those of another day."""
    reworded(made, **changes)
    with pytest.raises(store.StoreError, match="holds another state than it says"):
        restore(made, tmp_path / "restored", progress=False)


def test_a_copy_that_is_not_good_is_refused(made: Path, tmp_path: Path) -> None:
    """Right checksums of a wrong log: the restored copy is verified as a whole."""
    (segment,) = (made / WAL_DIRECTORY).glob("*.wal")
    content = bytearray(segment.read_bytes())
    content[4096 + 60] ^= 1
    segment.write_bytes(content)
    right = Sum(len(content), hashlib.blake2b(content, digest_size=16).hexdigest())
    reworded(made, files={**read(made).files, f"wal/{segment.name}": right})

    with pytest.raises(store.StoreError, match=r"the copy is not good: .*acknowledged"):
        restore(made, tmp_path / "restored", progress=False)


def test_a_damaged_directory_has_no_backup(sold: Path, tmp_path: Path) -> None:
    """What would be refused later is refused now."""
    users = sold / "catalog" / "users.sqlite"
    users.write_bytes(users.read_bytes()[:-1] + b"\1")
    with pytest.raises(store.StoreError, match="the copy is not good"):
        backup(sold, tmp_path / "backup", now=NOW, progress=False)
    assert ["data"] == [path.name for path in tmp_path.iterdir()]


def test_a_file_that_cannot_be_read_is_blamed_and_not_its_copy(
    sold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are mostly on two disks, and a person must know which one to replace."""
    source = sold / "catalog" / "users.sqlite"

    class Rotten(io.FileIO):
        def read(self, _: object = -1) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

    def opened(path: Path, mode: str) -> io.FileIO:
        return Rotten(path) if path == source else io.FileIO(path, mode)

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(OSError, match="Input/output") as caught:
        backup(sold, tmp_path / "backup", now=NOW, progress=False)
    assert str(source) == caught.value.filename


def test_nothing_is_overwritten(sold: Path, made: Path) -> None:
    """Neither by a backup nor by a restore, not even by a second one."""
    before = contents(sold), contents(made)
    with pytest.raises(store.StoreError, match="backup exists already"):
        backup(sold, made, now=NOW, progress=False)
    with pytest.raises(store.StoreError, match="data exists already"):
        restore(made, sold, progress=False)
    assert before == (contents(sold), contents(made))


def test_a_server_that_drops_its_log_meanwhile(
    sold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy is begun again, from nothing; and given up in the end, with nothing left."""
    calls = []

    def moving(source: Path, target: Path) -> int:
        calls.append([path.name for path in target.iterdir() if path.name == WAL_DIRECTORY])
        copied = copy_store(source, target)
        if len(calls) < tries:
            raise StoreMoved
        return copied

    monkeypatch.setattr("api.backup.copy_store", moving)
    tries = 3
    backup(sold, tmp_path / "backup", now=NOW, progress=False)
    assert [[], [], []] == calls

    tries = 100
    with pytest.raises(store.StoreError, match="try again later"):
        backup(sold, tmp_path / "another", now=NOW, progress=False)
    assert {"data", "backup"} == {path.name for path in tmp_path.iterdir()}


def naming(file: str) -> bytes:
    """A manifest that names one file."""
    return msgspec.json.encode(Manifest(1, "", 0, "", {file: Sum(0, "")}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is no backup: it has no backup.json"),
        (b"{", "can't be read"),
        (msgspec.json.encode(Manifest(2, "", 0, "", {})), "has format 2, not 1"),
        (naming("/etc/cron.d/ours"), "names '/etc/cron.d/ours', which is no file of a backup"),
        (naming("wal/../../ours"), "names 'wal/../../ours', which is no file of a backup"),
        (naming("a\0b"), r"names 'a\\x00b', which is no file of a backup"),
        (naming(""), "names '', which is no file of a backup"),
    ],
)
def test_what_is_no_backup_is_told(tmp_path: Path, content: bytes | None, message: str) -> None:
    """A directory without a manifest, with a broken one, or of a later program."""
    source = tmp_path / "source"
    source.mkdir()
    if content is not None:
        (source / NAME).write_bytes(content)
    with pytest.raises(store.StoreError, match=message):
        restore(source, tmp_path / "restored", progress=False)


def test_a_directory_that_is_not_initialised_has_no_backup(tmp_path: Path) -> None:
    """It is said so, and nothing is made."""
    with pytest.raises(store.StoreError, match="does not exist"):
        backup(tmp_path / "missing", tmp_path / "backup", now=NOW, progress=False)
    assert [] == list(tmp_path.iterdir())


def test_what_an_interrupted_backup_left_is_removed(sold: Path, tmp_path: Path) -> None:
    """The next one of the same name begins in an empty place."""
    left = tmp_path / ".backup.importing"
    left.mkdir()
    (left / "half").write_bytes(b"half")
    backup(sold, tmp_path / "backup", now=NOW, progress=False)
    assert not left.exists()
    assert not (tmp_path / "backup" / "half").exists()


def test_all_of_it_is_on_disk_before_it_has_its_name(
    sold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup and what is restored of it: a power cut finds the whole of it, or nothing."""
    asked = Asked(monkeypatch)
    named: list[Path] = []

    def seen(building: Path, target: Path) -> None:
        assert [] == asked.lacks(building)
        named.append(target)
        put(building, target)

    monkeypatch.setattr("api.backup.put", seen)
    copy, again = tmp_path / "new" / "far" / "copy", tmp_path / "new" / "again"
    backup(sold, copy, now=NOW, progress=False)
    restore(copy, again, progress=False)

    assert [copy, again] == named
    assert [] == asked.lacks(tmp_path / "new")
    assert ("fsync", tmp_path) in asked


def test_a_backup_is_a_data_directory(made: Path) -> None:
    """It can be verified where it lies."""
    shutil.rmtree(made / "places")
    assert "" == store.verify(made).fault
