"""The disk in memory: what it forgets, and that it otherwise behaves as the real one."""

import errno
from pathlib import Path
from random import Random

import pytest

from torture.crash_fs import CrashFS, Fate, PowerCut, no_trouble, power_cut_after
from wal.files import FileSystem, OsFileSystem

ROOM = Path("/room")
FILE = ROOM / "file"


def kept() -> Fate:
    return Fate.KEPT


def lost() -> Fate:
    return Fate.LOST


def garbled() -> Fate:
    return Fate.GARBLED


def with_file(content: bytes = b"") -> tuple[CrashFS, int]:
    """A disk with one durable file, open."""
    disk = CrashFS()
    disk.make_directory(ROOM)
    file = disk.create(FILE)
    disk.pwrite(file, content, 0)
    disk.fsync(file)
    disk.sync_directory(ROOM)
    return disk, file


def content(disk: CrashFS) -> bytes:
    return bytes(disk.inodes[FILE].seen)


def test_what_is_synced_survives() -> None:
    """Bytes after a sync of the file, a name after a sync of its directory, whatever the fates."""
    disk, file = with_file(b"synced")
    disk.pwrite(file, b"unsync", 0)
    assert content(disk) == b"unsync"
    assert content(disk.after_power_cut(lost)) == b"synced"
    assert content(disk.after_power_cut(kept)) == b"unsync"
    disk.fdatasync(file)
    assert content(disk.after_power_cut(lost)) == b"unsync"


@pytest.mark.parametrize("elsewhere", [False, True])
def test_names_survive_by_themselves(elsewhere: bool) -> None:
    """A change of a name is lost or kept until its own directory is synced."""
    disk, _ = with_file(b"content")
    disk.rename(FILE, ROOM / "other")
    if elsewhere:
        disk.make_directory(Path("/elsewhere"))
        disk.sync_directory(Path("/elsewhere"))
    assert list(disk.after_power_cut(lost).inodes) == [FILE]
    assert list(disk.after_power_cut(kept).inodes) == [ROOM / "other"]
    disk.sync_directory(ROOM)
    assert list(disk.after_power_cut(lost).inodes) == [ROOM / "other"]


def test_a_removed_name_comes_back() -> None:
    """An unlink that was not synced may not have happened."""
    disk, _ = with_file(b"content")
    disk.unlink(FILE)
    assert content(disk.after_power_cut(lost)) == b"content"
    assert list(disk.after_power_cut(kept).inodes) == []


def test_a_write_is_torn_by_sectors() -> None:
    """Each sector of a write has a fate of its own; one that is lost may be garbage."""
    disk, file = with_file(bytes(1024))
    disk.pwrite(file, b"a" * 512 + b"b" * 512, 0)
    fates = iter([Fate.LOST, Fate.KEPT])
    assert content(disk.after_power_cut(fates.__next__)) == bytes(512) + b"b" * 512
    torn = content(disk.after_power_cut(garbled))
    assert set(torn[::512]).isdisjoint(b"\0ab")


def test_a_sector_is_whole() -> None:
    """A write within one sector is never garbage, and carries what was written there before."""
    disk, file = with_file(bytes(512))
    disk.pwrite(file, b"one", 0)
    disk.pwrite(file, b"two", 100)
    assert content(disk.after_power_cut(garbled)) == bytes(512)
    fates = iter([Fate.LOST, Fate.KEPT])
    both = content(disk.after_power_cut(fates.__next__))
    assert (both[:3], both[100:103]) == (b"one", b"two")


def test_pending_is_the_number_of_fates() -> None:
    """As many as a power cut asks for: one a sector, touched or not by others, and one a name."""
    disk, file = with_file(bytes(2048))
    disk.pwrite(file, bytes(1024), 256)  # the ends of two sectors and the whole one between
    disk.rename(FILE, ROOM / "other")
    asked: list[Fate] = []

    def count() -> Fate:
        asked.append(Fate.KEPT)
        return asked[-1]

    disk.after_power_cut(count)
    assert (len(asked), disk.pending()) == (4, 4)


def refuse(name: str, size: int) -> int:
    raise OSError(errno.EIO, "refused")


@pytest.mark.parametrize(("heeds_advice", "seen"), [(True, b"old"), (False, b"new")])
def test_a_refused_sync_lies_afterwards(heeds_advice: bool, seen: bytes) -> None:
    """What it refused is read on, and lost though the next sync succeeds; the cache can forget."""
    disk, file = with_file(b"old")
    disk.heeds_advice = heeds_advice
    disk.pwrite(file, b"new", 0)
    disk.trouble = refuse
    with pytest.raises(OSError, match="refused"):
        disk.fsync(file)
    disk.trouble = no_trouble
    disk.fsync(file)
    assert content(disk) == b"new"
    assert content(disk.after_power_cut(kept)) == b"old"
    disk.drop_cached(file)
    assert content(disk) == seen


def test_dropping_the_cache_keeps_what_is_not_synced() -> None:
    """Only pages that are on disk can be dropped."""
    disk, file = with_file(b"old")
    disk.pwrite(file, b"new", 0)
    disk.drop_cached(file)
    assert content(disk) == b"new"


def test_the_power_goes_before_a_call() -> None:
    """Before the one that follows so many others; it does nothing any more."""
    disk, file = with_file(b"old")
    disk.trouble = power_cut_after(1)
    disk.pwrite(file, b"new", 0)
    with pytest.raises(PowerCut):
        disk.fsync(file)
    assert content(disk.after_power_cut(lost)) == b"old"


def test_a_process_that_ends_lets_go() -> None:
    """Its files and locks are gone, and the page cache is not."""
    disk, file = with_file(b"old")
    disk.pwrite(file, b"new", 0)
    disk.lock(ROOM / "LOCK")
    with pytest.raises(BlockingIOError):
        disk.lock(ROOM / "LOCK")
    disk.end_process()
    assert disk.open_files == {}
    assert content(disk) == b"new"
    disk.lock(ROOM / "LOCK")


OF_NAMES = ("create", "open", "names", "rename", "unlink")
OF_FILES = ("pwrite", "pread", "size_bytes", "fsync", "fdatasync", "drop_cached")


def arguments(call: str, room: Path, files: list[int], random: Random) -> tuple[object, ...]:
    """What a call takes: names that are there and others, files that are open."""
    path, other = (room / random.choice(("a", "b", "c", "missing/d")) for _ in range(2))
    match call:
        case "rename":
            return path, other
        case "names":
            return (path.parent,)
        case "pwrite":
            return random.choice(files), random.randbytes(700), random.randrange(2000)
        case "pread":
            return random.choice(files), random.randrange(2000), random.randrange(2000)
        case _:
            return (random.choice(files) if call in OF_FILES else path,)


def answers(fs: FileSystem, room: Path, random: Random) -> list[object]:
    """What three hundred calls by chance answer, or how they fail."""
    files = [fs.create(room / "a")]
    given: list[object] = []
    for _ in range(300):
        call = random.choice(OF_NAMES + OF_FILES)
        try:
            answer = getattr(fs, call)(*arguments(call, room, files, random))
        except OSError as failure:
            answer = type(failure)
        else:
            if call in ("create", "open"):
                files.append(answer)
                answer = "a file"
        given.append(sorted(answer) if call == "names" and isinstance(answer, list) else answer)
    for file in files:
        fs.close(file)
    return given


@pytest.mark.parametrize("seed", range(5))
def test_it_answers_as_the_real_disk_does(tmp_path: Path, seed: int) -> None:
    """The same calls in the same order, with nothing cut and nothing failing."""
    disk = CrashFS()
    disk.make_directory(tmp_path)
    expected = answers(OsFileSystem(), tmp_path, Random(seed))
    assert expected == answers(disk, tmp_path, Random(seed))
