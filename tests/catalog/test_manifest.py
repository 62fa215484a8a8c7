"""catalog.json: the last file written, and the checksums of all others."""

import errno
import io
from pathlib import Path

import pytest

from catalog import manifest
from catalog.errors import NotACatalog
from catalog.manifest import Summary
from tests.catalog.conftest import Data
from tests.descriptors import Asked, opened_files

SUMMARY = Summary(users=1, active_events=2, archived_events=3, seats=4)


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "index").write_bytes(b"i" * 3_000_000)
    (tmp_path / "search" / "writer.lock").write_bytes(b"")
    (tmp_path / "users").write_bytes(b"users")
    manifest.seal(tmp_path, timezone="Asia/Almaty", summary=SUMMARY)
    return tmp_path


def test_manifest_tells_what_was_sealed(sealed: Path) -> None:
    """Summary and zone come back, files are listed in full, and locks are swept out."""
    found = manifest.read(sealed)
    assert (found.format, found.timezone, found.summary) == (4, "Asia/Almaty", SUMMARY)
    assert {name: each.size_bytes for name, each in found.files.items()} == {
        "search/index": 3_000_000,
        "users": 5,
    }
    assert not (sealed / "search" / "writer.lock").exists()
    assert manifest.verify(sealed) == SUMMARY


def test_what_was_sealed_outlives_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file and every name, the manifest's too; and nothing stays open for it."""
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "index").write_bytes(b"index")
    (tmp_path / "users").write_bytes(b"users")
    asked = Asked(monkeypatch)
    manifest.seal(tmp_path, timezone="Asia/Almaty", summary=SUMMARY)
    assert [] == asked.lacks(tmp_path)
    assert not any(one.is_relative_to(tmp_path) for one in opened_files())


@pytest.mark.parametrize("offset", [0, 1_500_000, 2_999_999])
def test_flipped_bit_is_found(sealed: Path, offset: int) -> None:
    """A file of the right size with one wrong bit is damaged; only verify reads so far."""
    content = bytearray((sealed / "search" / "index").read_bytes())
    content[offset] ^= 1
    (sealed / "search" / "index").write_bytes(content)
    manifest.read(sealed)
    with pytest.raises(NotACatalog, match="search/index is damaged"):
        manifest.verify(sealed)


def test_what_was_never_sealed_is_not_whole(sealed: Path) -> None:
    """A file that the manifest doesn't name is none of the catalog's."""
    found = manifest.read(sealed)
    manifest.require_whole(sealed, found, "users", "search/index")
    (sealed / "more").write_bytes(b"more")
    with pytest.raises(NotACatalog, match="more is damaged"):
        manifest.require_whole(sealed, found, "users", "more")


def test_missing_or_short_file_is_found_on_opening(sealed: Path) -> None:
    """Sizes are compared at every start."""
    (sealed / "users").write_bytes(b"user")
    with pytest.raises(NotACatalog, match="users is missing or cut short"):
        manifest.read(sealed)
    (sealed / "users").unlink()
    with pytest.raises(NotACatalog, match="users is missing or cut short"):
        manifest.read(sealed)


def test_what_cannot_be_read_or_synced_is_named(
    sealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system knows the file by its descriptor only, and a person needs its name."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    class Rotten(io.FileIO):
        read = refuse

    found = manifest.read(sealed)
    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(OSError, match="Input/output") as caught:
        manifest.fsync(sealed)
    assert caught.value.filename == str(sealed)
    monkeypatch.setattr(Path, "open", lambda path, _: Rotten(path))
    with pytest.raises(OSError, match="Input/output") as caught:
        manifest.require_whole(sealed, found, "users")
    assert caught.value.filename == str(sealed / "users")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, r"it has no catalog\.json"),
        (b"", r"catalog\.json can't be read"),
        (b"{}", r"catalog\.json can't be read"),
        (b'{"timezone": "\xff"}', r"catalog\.json can't be read"),
        (
            b'{"format": 1, "timezone": "", "summary": SUMMARY, "files": {}}',
            "format 1, not 4; import the files anew",
        ),
    ],
)
def test_directory_without_a_good_manifest_is_no_catalog(
    sealed: Path, content: bytes | None, reason: str
) -> None:
    """Missing, broken or of another format: each is told."""
    path = sealed / manifest.NAME
    path.unlink()
    if content is not None:
        summary = b'{"users": 1, "active_events": 1, "archived_events": 0, "seats": 1}'
        path.write_bytes(content.replace(b"SUMMARY", summary))
    with pytest.raises(NotACatalog, match=reason):
        manifest.read(sealed)


def test_every_file_of_an_import_is_under_a_checksum(data: Data) -> None:
    """Nothing but the manifest itself stands outside of it."""
    data.load()
    found = {
        str(path.relative_to(data.target)) for path in data.target.rglob("*") if path.is_file()
    }
    assert found - set(manifest.read(data.target).files) == {manifest.NAME}
