"""A directory appears under its final name complete, or not at all."""

import ctypes
import os
from pathlib import Path

import pytest

from catalog import manifest
from catalog.errors import CatalogExists, ImportRunning, NotACatalog
from catalog.workplace import check_target, put, workplace
from tests.descriptors import Asked


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "new" / "data" / "catalog"


def names(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))


def test_workplace_is_an_empty_sibling(target: Path) -> None:
    """It lies beside the target, so that a rename never crosses a file system."""
    with workplace(target) as building:
        assert building.parent == target.parent
        assert names(building) == []


def test_leftovers_are_removed_first(target: Path) -> None:
    """What a killed import left behind is gone before the next one begins."""
    leftover = target.parent / ".catalog.importing"
    (leftover / "search").mkdir(parents=True)
    (leftover / "search" / "half").write_text("half")
    with workplace(target) as building:
        assert building == leftover
        assert names(building) == []


def test_failed_work_leaves_nothing(target: Path, tmp_path: Path) -> None:
    """After an exception neither workplace nor target exists, nor what was made for them."""

    def fail() -> None:
        with workplace(target) as building:
            (building / "half").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names(tmp_path) == []


def test_file_that_comes_while_the_workplace_is_emptied_is_removed_too(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As tantivy's lock file does, put by a thread that opens the index in its own time."""
    late = [".tantivy-meta.lock"]
    rmdir = os.rmdir

    def rmdir_too_late(name: str, *, dir_fd: int | None = None) -> None:
        if late and os.path.basename(name) == "search":
            (target.parent / ".catalog.importing" / "search" / late.pop()).touch()
        rmdir(name, dir_fd=dir_fd)

    with workplace(target) as building:
        (building / "search").mkdir()
        monkeypatch.setattr(os, "rmdir", rmdir_too_late)
    assert not late
    assert names(target.parent) == []


def test_second_workplace_is_refused_and_disturbs_nothing(target: Path) -> None:
    """One at a time in a directory, whatever it makes; the first goes on undisturbed."""
    with workplace(target) as building:
        (building / "file").write_text("first")
        told = f"^{target.parent}: an import, a backup or a restore is at work there;"
        for other in (target, target.with_name("of another day")):
            with pytest.raises(ImportRunning, match=told), workplace(other):
                pass
        assert names(building) == ["file"]


def test_the_names_that_lead_to_it_are_on_disk(
    target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut would take all that lies in a directory whose own name it takes."""
    asked = Asked(monkeypatch)
    with workplace(target) as building:
        put(building, target)
    assert [] == asked.lacks(tmp_path)


def test_what_took_the_free_name_meanwhile_stays(target: Path) -> None:
    """Nobody has asked for it to be replaced, and whatever is replaced is deleted."""

    def build() -> None:
        with workplace(target) as building:
            (building / "file").write_text("new")
            target.mkdir()
            (target / "file").write_text("somebody's")
            put(building, target)

    with pytest.raises(OSError, match="not empty"):
        build()
    assert (target / "file").read_text() == "somebody's"
    assert names(target.parent) == ["catalog"]


def test_finished_directory_takes_the_free_name(target: Path) -> None:
    """One rename, and the workplace is gone."""
    with workplace(target) as building:
        (building / "file").write_text("new")
        put(building, target)
    assert (target / "file").read_text() == "new"
    assert names(target.parent) == ["catalog"]


def test_taken_name_is_exchanged(target: Path) -> None:
    """The new directory takes the place of the old, and the old one is removed."""
    target.mkdir(parents=True)
    (target / "file").write_text("old")
    with workplace(target) as building:
        (building / "file").write_text("new")
        put(building, target, replace=True)
        assert (building / "file").read_text() == "old"
    assert (target / "file").read_text() == "new"
    assert names(target.parent) == ["catalog"]


def test_failed_exchange_leaves_the_old_one(target: Path) -> None:
    """Where names can't be exchanged, the error says so and nothing has moved."""
    target.mkdir(parents=True)
    (target / "file").write_text("old")
    with pytest.raises(FileNotFoundError):
        put(target.parent / "missing", target, replace=True)
    assert (target / "file").read_text() == "old"


def test_a_system_that_cannot_exchange_names_is_told(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As any that isn't Linux; the old directory keeps its name, and the new one is left."""
    target.mkdir(parents=True)
    with workplace(target) as building:
        (building / "file").write_text("new")
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
        with pytest.raises(OSError, match="can't exchange two names"):
            put(building, target, replace=True)
        assert names(building) == ["file"]
    assert names(target) == []


def test_target_must_be_free_or_a_catalog_to_replace(target: Path) -> None:
    """Only a catalog is ever replaced, and only when asked; other people's files never."""
    check_target(target, replace=False)
    check_target(target, replace=True)
    target.mkdir(parents=True)
    with pytest.raises(CatalogExists, match="exists already"):
        check_target(target, replace=False)
    with pytest.raises(NotACatalog, match="won't be replaced"):
        check_target(target, replace=True)
    (target / manifest.NAME).write_text("{}")
    check_target(target, replace=True)
