"""Which seats side by side are the best ones."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Hall, Zone
from engine.seatmap import WITHHELD
from engine.together import best_together

BYTES = {".": 0, "r": 1, "s": 2, " ": WITHHELD}


def chosen(*rows: str, count: int, zones: tuple[Zone, ...] = (), zone: str | None = None) -> str:
    """Where the block is drawn as `#`, row by row; `.` is free, blank is withheld."""
    hall = Hall(len(rows), len(rows[0]), zones or (Zone("all", 1, len(rows), 100),))
    hall.check()
    drawn = "".join(rows)
    first = best_together(bytearray(BYTES[one] for one in drawn), hall, count, zone=zone)
    if first is None:
        return ""
    assert set(drawn[first : first + count]) == {"."}
    drawn = drawn[:first] + "#" * count + drawn[first + count :]
    width = hall.seats_per_row
    return "|".join(drawn[at : at + width] for at in range(0, len(drawn), width))


@pytest.mark.parametrize(
    ("row", "count", "best"),
    [
        (".......", 1, "...#..."),
        (".......", 3, "..###.."),
        ("........", 3, "..###..."),
        ("...sssss.", 1, "..#sssss."),
        ("...rr.....", 3, "...rr###.."),
        ("....rr....", 2, "..##rr...."),
        ("s.s.s.s", 1, "s.s#s.s"),
        ("....s..", 7, ""),
        ("s.s.s.s", 2, ""),
        ("..  ...", 3, "..  ###"),
    ],
)
def test_the_middle_of_the_row(row: str, count: int, best: str) -> None:
    """What is free nearest to it; of two as near the one with the smaller numbers."""
    assert best == chosen(row, count=count)


@pytest.mark.parametrize(
    ("row", "count", "best"),
    [
        ("ss......s", 2, "ss.." + "##..s"),
        ("sss.....s", 2, "sss##" + "...s"),
        ("ss.....ss", 3, "ss###" + "..ss"),
        ("sss...sss", 2, "sss##" + ".sss"),
        (" .....", 2, " ##" + "..."),
        ("....", 2, "##.."),
        ("..ssss.", 1, "..ssss#"),
    ],
)
def test_no_single_seat_is_left_beside_it(row: str, count: int, best: str) -> None:
    """Where moving by one seat avoids it; the end of the row and a withheld seat are walls, too."""
    assert best == chosen(row, count=count)


def test_the_row_nearest_to_the_stage() -> None:
    """The first row with room, though a later one has its middle free; no block rounds a corner."""
    assert "sss.|.sss|##ss|...." == chosen("sss.", ".sss", "..ss", "....", count=2)
    assert "ssss.|###ss" == chosen("ssss.", "...ss", count=3)


def test_a_zone_that_is_named() -> None:
    """Gives its best block, or none; else zones follow one another, whatever they cost."""
    zones = (Zone("side", 1, 1, 100), Zone("middle", 2, 2, 300), Zone("back", 3, 3, 200))
    assert "####|....|...." == chosen("....", "....", "....", count=4, zones=zones)
    assert "s...|####|...." == chosen("s...", "....", "....", count=4, zones=zones)
    assert "s...|s...|####" == chosen("s...", "s...", "....", count=4, zones=zones)
    assert "....|....|####" == chosen("....", "....", "....", count=4, zones=zones, zone="back")
    assert "" == chosen("....", "s.ss", "....", count=2, zones=zones, zone="middle")


@given(
    st.lists(st.text("..rs ", min_size=9, max_size=9), min_size=1, max_size=3),
    st.integers(1, 10),
)
def test_as_whoever_looks_at_each_seat_chooses(rows: list[str], count: int) -> None:
    """The same block, said with no thought of speed."""
    expected = ""
    for number, row in enumerate(rows):
        starts = [at for at in range(10 - count) if row[at : at + count] == "." * count]
        if starts:
            off = {at: abs(2 * at - (9 - count)) for at in starts}
            as_good = [at for at in starts if off[at] <= min(off.values()) + 2]
            drawn = {at: row[:at] + "#" * count + row[at + count :] for at in as_good}
            _, _, best = min((alone(drawn[at]), off[at], at) for at in as_good)
            expected = "|".join([*rows[:number], drawn[best], *rows[number + 1 :]])
            break
    assert expected == chosen(*rows, count=count)


def alone(row: str) -> int:
    """How many single free seats stand next to the block."""
    before, after = re.split("#+", f"s{row}s")
    return bool(re.search(r"[^.]\.$", before)) + bool(re.match(r"\.[^.]", after))
