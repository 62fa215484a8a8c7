"""Reading given files, and telling repeated ids."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import BadInput
from catalog.source import SeenIds, opened


@given(st.lists(st.integers(1, 30)))
def test_repeated_ids_are_told_in_any_order(ids: list[int]) -> None:
    """An id is new exactly when it has not been added before."""
    seen = SeenIds()
    expected: set[int] = set()
    for new_id in ids:
        assert (new_id not in expected) == seen.add(new_id)
        expected.add(new_id)
    assert [number in expected for number in range(32)] == [number in seen for number in range(32)]


@pytest.mark.parametrize("progress", [False, True])
@pytest.mark.parametrize("content", [b"x", b"\xef\xbb\xbfxyz", b"\xef\xbbxyz", b"x" * 3_000_000])
def test_content_is_read_whole(tmp_path: Path, content: bytes, progress: bool) -> None:
    """Everything after a byte order mark is read, with a progress bar or without."""
    path = tmp_path / "file"
    path.write_bytes(content)
    with opened(path, progress=progress) as file:
        assert content.removeprefix(b"\xef\xbb\xbf") == file.read()


def test_progress_is_shown_only_when_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bar with the name of the file, full when all of it was read."""
    path = tmp_path / "users.csv"
    path.write_bytes(b"x" * 3_000_000)
    for progress in (False, True):
        assert "" == capsys.readouterr().err
        with opened(path, progress=progress) as file:
            file.read()
    shown = capsys.readouterr().err
    assert "users.csv: 100%" in shown
    assert "3.00M/3.00M" in shown


def test_directory_is_refused(tmp_path: Path) -> None:
    """What isn't a regular file is a fault of the input."""
    with (
        pytest.raises(BadInput, match=r"is not a regular file"),
        opened(tmp_path, progress=False),
    ):
        pass
