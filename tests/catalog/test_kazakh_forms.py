"""Names that are written alike in both languages, in sentences of either."""

from datetime import date
from pathlib import Path

import pytest

from tests.catalog.test_search import FIRST_DAY, build, found, row

ROWS = [
    row(1, "Абайдың жолы"),
    row(2, "Опера «Абай»"),
    row(3, "Кеш", "Абайға арналған"),
    row(4, "Алматының түні"),
    row(5, "Ночь в Алматы: большой летний концерт на главной площади города"),
    row(6, "Алма"),
]


@pytest.mark.parametrize("day", [None, FIRST_DAY.date()])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Абай", [2, 1, 3]),
        ("Абая", [2]),
        ("Алматы", [5, 4]),
        ("Алматы түні", [4]),
        ("алма", [6, 4]),
        ("алм", [6]),
    ],
)
def test_a_name_without_kazakh_letters_is_found_in_its_kazakh_cases(
    tmp_path: Path, query: str, expected: list[int], day: date | None
) -> None:
    """From four letters, as its beginning; titles that have the word itself go first."""
    assert expected == found(build(tmp_path / "index", *ROWS), query, day)
