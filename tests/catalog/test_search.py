"""Search: what a query finds, and in which order."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import chain, count
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import search
from catalog.errors import NotACatalog
from catalog.event_file import EventRow
from catalog.index import IndexBuilder, OutOfOrder
from catalog.mapped import MappedFiles
from catalog.search import SearchIndex
from tests.catalog.conftest import event

FIRST_DAY = datetime(2027, 5, 1, 19, 30)  # noqa: DTZ001  # local time has no zone here


def build(directory: Path, *rows: EventRow, past: Sequence[EventRow] = ()) -> SearchIndex:
    """An index of coming `rows` and of `past` ones, both by id."""
    directory.mkdir()
    with IndexBuilder(directory) as index:
        for row in rows:
            index.add(row, row.starts_at(), coming=True)
        for row in past:
            index.add(row, row.starts_at(), coming=False)
    return SearchIndex.open(directory)


def row(event_id: int, title: str, description: str = "", *, day: int = 0) -> EventRow:
    starts_at = (FIRST_DAY + timedelta(days=day)).isoformat()
    return EventRow(
        **event(event_id, title=title, description=description, datetime_start=starts_at)
    )


def ids(rows: list[EventRow]) -> list[int]:
    return [found.id for found in rows]


ROWS = [
    row(1, "Селеста Морейра: большой концерт", "Живая музыка на стадионе."),
    row(2, "Чемпионат по игре Что? Где? Когда?", "Вечер полного азарта."),
    row(3, 'Экспозиция "Звездные войны"', "Куратор встретит гостей."),
    row(4, "Ёлка для взрослых", "Приходите с детьми. Концерты весь день."),
    row(5, "Rock AND roll: NOT a film", "C++ & Java -- the musical"),
    row(6, "Қазақ әні: үлкен кеш", "Көкдала, 2027 жыл"),
    row(7, "Война и мир", "Опера. Звёздный состав."),
    row(8, "Концерт концертов: концерт за концертом", ""),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> SearchIndex:
    return build(tmp_path_factory.mktemp("search") / "index", *ROWS)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("азарт", [2]),
        ("азарта", [2]),
        ("АЗАРТОМ", [2]),
        ("концерты", [8, 1, 4]),
        ("концерт", [8, 1, 4]),
        ("концерту селесты", [1]),
        ("стадион", [1]),
        ("Что? Где? Когда?", [2]),
        ("что где когда", [2]),
        ("когда,где;что", [2]),
        ('Экспозиция "Звездные войны"', [3]),
        ("экспозиция звёздные войны", [3]),
        ("звездная война", [3, 7]),
        ("ёлка", [4]),
        ("ЕЛКИ", [4]),
        ("е\u0308лка", [4]),
        ("қазақ", [6]),
        ("ҚАЗАҚ ӘНІ", [6]),
        ("2027", [6]),
        ("java", [5]),
        ("C++", [5]),
        ("AND", [5]),
        ("NOT", [5]),
        ("rock AND film", [5]),
        ("NOT концерт", []),
        ("концерт OR азарт", []),
        ("-концерт +азарт", []),
        ("title:концерт", []),
        ("id:1", []),
        ("конц*", []),
        ("концерт~2", []),
        ("[1 TO 5]", []),
        ("концерт азарт", []),
        ("бегемот", []),
        ("концерт бегемот", []),
        ("!!!", []),
        ("+-:*\"()[]{}^~\\/", []),
        ("\"", []),
        ("😀", []),
        ("😀 концерт 😀", [8, 1, 4]),
        ("\0", []),
        ("\ud800", []),
        ("концерт " * 1250, [8, 1, 4]),
        ("я" * 10_000, []),
        ("концерт " * 5000, []),
    ],
)  # fmt: skip
def test_query_finds_what_a_person_expects(
    index: SearchIndex, query: str, expected: list[int]
) -> None:
    """Every word must occur, in any form; characters that aren't letters or digits mean nothing."""
    assert ids(index.page(query, None, offset=0, limit=20)) == expected


@pytest.mark.parametrize("query", [None, "", " ", "\n\t"])
def test_blank_query_lists_everything_by_id(index: SearchIndex, query: str | None) -> None:
    """Nothing asked is not the same as a question without a letter."""
    assert ids(index.page(query, None, offset=0, limit=20)) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_every_event_is_found_by_its_own_title_and_description(index: SearchIndex) -> None:
    """Whatever stands in an event can be pasted into the search."""
    for expected in ROWS:
        query = f"{expected.title} {expected.description}"
        assert expected in index.page(query, None, offset=0, limit=20)


PIECES = [*"+-:*\"'()[]{}^~\\/ё😀\0", "концерт", "азарт", "AND", "OR", "NOT"]
ANY_TEXT = st.text() | st.lists(st.sampled_from(PIECES)).map(" ".join)


@given(query=ANY_TEXT, day=st.none() | st.dates())
def test_any_query_is_safe(index: SearchIndex, query: str, day: date | None) -> None:
    """No text and no day raises, and only events come back, each once."""
    found = index.page(query, day, offset=0, limit=20)
    assert all(row in ROWS for row in found)
    assert len(set(ids(found))) == len(found)


def test_title_goes_before_description(tmp_path: Path) -> None:
    """A common word in the title weighs more than a rare one in the description."""
    rows = [row(number, "Опера") for number in range(2, 50)]
    index = build(tmp_path / "index", row(1, "Балет", "опера опера опера"), *rows)
    found = ids(index.page("опера", None, offset=0, limit=100))
    assert found == [*range(2, 50), 1]


def test_equally_good_hits_come_by_id(tmp_path: Path) -> None:
    """Ties are broken by id on every page."""
    numbers = list(range(1, 3001))
    rows = [row(number, "Опера", "в" * (number % 7)) for number in numbers]
    index = build(tmp_path / "index", *rows)
    pages = [ids(index.page("опера", None, offset=at, limit=20)) for at in range(0, 3000, 20)]
    assert list(chain.from_iterable(pages)) == numbers


def test_ids_that_fall_are_refused(tmp_path: Path) -> None:
    """An unsorted index would answer in the wrong order, so it is never finished."""
    with pytest.raises(OutOfOrder):
        build(tmp_path / "index", row(2, "Опера"), row(1, "Опера"))


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> tuple[SearchIndex, list[EventRow]]:
    """Five hundred events on ten days, many at the same time, ids with gaps."""
    random = Random(7)

    def some_time() -> str:
        return f"2027-05-{random.randrange(1, 11):02}T{random.randrange(24):02}:00:00"

    numbers = sorted(random.sample(range(1, 2**53), 500))
    words = ("опера", "балет", "концерт", "кино")
    rows = [
        EventRow(
            **event(
                number,
                title=" ".join(random.choices(words, k=random.randrange(1, 4))),
                description=random.choice(words),
                datetime_start=some_time(),
            )
        )
        for number in numbers
    ]
    directory = tmp_path_factory.mktemp("crowd") / "index"
    return build(directory, *rows), rows


def pages(
    index: SearchIndex, query: str | None, day: date | None, limit: int
) -> Iterator[list[EventRow]]:
    for number in count():
        found = index.page(query, day, offset=number * limit, limit=limit)
        if not found:
            return
        yield found


DAYS = [None, date(2027, 5, 1), date(2027, 5, 9), date(2027, 6, 1)]


@pytest.mark.parametrize("limit", [1, 7, 20])
@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("query", [None, "опера", "кино балет"])
def test_pages_divide_the_whole_list(
    crowd: tuple[SearchIndex, list[EventRow]], query: str | None, day: date | None, limit: int
) -> None:
    """Every page is full but the last, and together they are the list asked for at once."""
    index, _ = crowd
    whole = index.page(query, day, offset=0, limit=1000)
    found = list(pages(index, query, day, limit))
    assert list(chain.from_iterable(found)) == whole
    assert all(len(page) == limit for page in found[:-1])


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("query", [None, "опера", "кино балет"])
def test_list_holds_exactly_the_events_that_match(
    crowd: tuple[SearchIndex, list[EventRow]], query: str | None, day: date | None
) -> None:
    """A plain look at every event finds the same ones."""
    index, rows = crowd
    wanted = (query or "").split()
    expected = {
        row.id
        for row in rows
        if set(wanted) <= set(f"{row.title} {row.description}".split())
        and (day is None or row.starts_at().date() == day)
    }
    assert set(ids(index.page(query, day, offset=0, limit=1000))) == expected


def test_neither_query_nor_day_orders_by_id(crowd: tuple[SearchIndex, list[EventRow]]) -> None:
    """The whole list goes by id."""
    index, rows = crowd
    assert index.page(None, None, offset=0, limit=1000) == rows


def test_day_orders_by_time_then_id(crowd: tuple[SearchIndex, list[EventRow]]) -> None:
    """Events of one day go by their local time, and by id where they begin together."""
    index, rows = crowd
    found = index.page(None, DAYS[1], offset=0, limit=1000)
    same_day = (row for row in rows if row.starts_at().date() == DAYS[1])
    assert found == sorted(same_day, key=lambda row: (row.datetime_start, row.id))
    assert len({row.datetime_start for row in found}) < len(found)  # there are ties


def test_query_and_day_keep_the_order_of_the_query(
    crowd: tuple[SearchIndex, list[EventRow]],
) -> None:
    """A day leaves events out and moves none."""
    index, _ = crowd
    everything = index.page("опера", None, offset=0, limit=1000)
    expected = [row for row in everything if row.starts_at().date() == DAYS[1]]
    assert index.page("опера", DAYS[1], offset=0, limit=1000) == expected


@pytest.mark.parametrize("query", [None, "опера"])
@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("offset", [500, 10_001, 20 * (2**63 - 2), 2**200])
def test_past_the_end_is_empty(
    crowd: tuple[SearchIndex, list[EventRow]], query: str | None, day: date | None, offset: int
) -> None:
    """A page however far away is empty, and nothing is set aside for what it skips."""
    index, _ = crowd
    assert index.page(query, day, offset=offset, limit=20) == []


def test_deep_pages_count_hits_first(
    crowd: tuple[SearchIndex, list[EventRow]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond DEEP_OFFSET the answers are the same as before it."""
    index, _ = crowd
    expected = list(pages(index, "опера", None, 7))
    monkeypatch.setattr(search, "DEEP_OFFSET", 10)
    assert list(pages(index, "опера", None, 7)) == expected


def test_event_is_found_by_id(crowd: tuple[SearchIndex, list[EventRow]]) -> None:
    """Every id leads to its event, and a neighbouring number to none."""
    index, rows = crowd
    assert [index.find(row.id) for row in rows] == rows
    taken = {row.id for row in rows}
    others = {row.id + 1 for row in rows} - taken | {0, -1, 2**53, 2**64}
    assert {index.find(number) for number in others} == {None}


def test_empty_directory_is_no_index(tmp_path: Path) -> None:
    """Opening says that the search index is missing."""
    with pytest.raises(NotACatalog):
        SearchIndex.open(tmp_path)
    with pytest.raises(NotACatalog):
        SearchIndex.open(tmp_path / "missing")


def found(index: SearchIndex, query: str | None, day: date | None = None) -> list[int]:
    return ids(index.page(query, day, offset=0, limit=1000))


def test_coming_events_go_before_past_ones_that_match_as_well(tmp_path: Path) -> None:
    """Whichever id is less; and a better match goes first, though it is past."""
    coming = [row(7, "Опера в городе"), row(9, "Балет", "опера"), row(11, "Балет", "опера")]
    past = [row(3, "Опера в городе"), row(5, "Балет", "опера"), row(8, "Опера")]
    index = build(tmp_path / "index", *coming, past=past)
    assert found(index, "опера") == [8, 7, 3, 9, 11, 5]
    assert found(index, "опера", FIRST_DAY.date()) == [8, 7, 3, 9, 11, 5]
    assert found(build(tmp_path / "past", past=past), None) == [3, 5, 8]


@pytest.mark.parametrize("day", [None, FIRST_DAY.date()])
def test_all_words_in_the_title_go_before_some_of_them(tmp_path: Path, day: date | None) -> None:
    """However short the title with a part of the words is."""
    rows = [
        row(1, "Ночь", "опера и балет"),
        row(2, "Балет", "опера"),
        row(3, "Опера и балет на большой сцене города Алматы каждую пятницу"),
    ]
    assert found(build(tmp_path / "index", *rows), "опера балет", day) == [3, 2, 1]


QUOTED = [
    row(1, "Войны звёздные", "для всех"),
    row(2, "Звёздные войны", "для всех"),
    row(3, "Кино", "войны, но не звёздные"),
    row(4, "Кино", "звёздные войны снова"),
    row(5, "Кино", "звёздные снова"),
]
SAME_TITLE = row(6, QUOTED[0].title, "звёздные войны")


@pytest.mark.parametrize("day", [None, FIRST_DAY.date()])
def test_quotes_prefer_the_phrase_and_do_not_demand_it(tmp_path: Path, day: date | None) -> None:
    """In the title and in the description alike; all words must still occur."""
    index = build(tmp_path / "index", *QUOTED, SAME_TITLE)
    assert found(index, '"Звездные войны"', day) == [2, 1, 6, 4, 3]
    assert found(index, "«войны звёздные»", day) == [1, 6, 2, 3, 4]
    assert found(index, "войны звёздные", day) == [1, 2, 6, 3, 4]


KAZAKH = [
    row(1, "Қаладағы кеш"),
    row(2, "Қала"),
    row(3, "Кеш", "Қалалық оркестр"),
    row(4, "Қалам"),
    row(5, "Рок2rock: вечер"),
    row(6, "Кала"),
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("қала", [2, 1, 4, 3]),
        ("ҚАЛА", [2, 1, 4, 3]),
        ("қалад", [1]),
        ("қалалық", [3]),
        ("қалалықта", []),
        ("қал", []),
        ("қала кеш", [1, 3]),
        ("рок2rock", [5]),
        ("рок2roc", []),
        ("кала", [6]),
    ],
)
def test_kazakh_words_match_by_their_beginning(
    tmp_path: Path, query: str, expected: list[int]
) -> None:
    """From four letters; the word itself goes first; two alphabets match as typed."""
    index = build(tmp_path / "index", *KAZAKH)
    assert found(index, query) == expected
    assert found(index, query, FIRST_DAY.date()) == expected


def test_kazakh_names_are_declined_in_russian_sentences(tmp_path: Path) -> None:
    """A beginning finds no other ending, the stem does; what was typed goes first."""
    rows = [
        row(1, "Поезд в Көкдалу"),
        row(2, "Көкдала"),
        row(3, "Вечер", "Прилетает в Көкдалу"),
        row(4, "Көктем"),
    ]
    index = build(tmp_path / "index", *rows)
    assert found(index, "Көкдала") == [2, 1, 3]
    assert found(index, "Көкдалу") == [1, 2, 3]


CASES = [
    ("Астана", "Астане", "Астаной"),
    ("Чехов", "Чехова", "Чеховым"),
    ("Ростов", "Ростове", "Ростову"),
    ("память", "памяти", "памятью"),
]


@pytest.mark.parametrize("forms", CASES)
@pytest.mark.parametrize("written", range(3))
@pytest.mark.parametrize("asked", range(3))
def test_names_that_end_like_a_form_are_found_in_every_case(
    tmp_path: Path, forms: tuple[str, ...], written: int, asked: int
) -> None:
    """Whichever case stands in the title and whichever in the query."""
    index = build(tmp_path / "index", row(1, f"Вечер: {forms[written]}"), row(2, "Вечер"))
    assert found(index, forms[asked]) == [1]


@pytest.mark.parametrize(
    ("title", "query"),
    [
        ("Симфония №5", "симфония 5"),
        ("Симфония №5", "Симфония № 5"),
        ("Cirque™", "cirque"),
        ("Старый за\u0301мок", "замок"),
        ("Кон\u00adцерт", "концерт"),
        ("Концерт", "кон\u00adцерты"),
        ("Концерт\u200bный зал", "концертный"),
        ("Концерт", "\ufeffкон\u2060церты"),
    ],
)
def test_signs_at_words_and_marks_in_them_hide_no_word(
    tmp_path: Path, title: str, query: str
) -> None:
    """Whether they stand in the event or in the query."""
    assert found(build(tmp_path / "index", row(1, title)), query) == [1]


def test_a_beginning_of_many_words_finds_them_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when there are too many to look each of them up."""
    index = build(tmp_path / "index", *KAZAKH)
    monkeypatch.setattr(search, "PREFIX_TERMS_MAX", 1)
    assert found(index, "қала") == [2, 1, 4, 3]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[SearchIndex, list[EventRow]]:
    """Coming and past events whose ids lie among each other, on three days."""
    random = Random(11)
    numbers = random.sample(range(1, 1000), 300)
    rows = [
        row(number, random.choice(("Опера", "Балет")), day=random.randrange(3))
        for number in sorted(numbers)
    ]
    directory = tmp_path_factory.mktemp("mixed") / "index"
    past = [row for number, row in enumerate(rows) if number % 3]
    return build(directory, *rows[::3], past=past), rows


def test_ids_that_lie_among_each_other_are_still_in_order(
    mixed: tuple[SearchIndex, list[EventRow]],
) -> None:
    """The whole list by id on every page, a day by time and id, and each event by its id."""
    index, rows = mixed
    for limit in (7, 1000):
        assert list(chain.from_iterable(pages(index, None, None, limit))) == rows
        for day in {row.starts_at().date() for row in rows} | {date.max}:
            expected = [row for row in rows if row.starts_at().date() == day]
            assert list(chain.from_iterable(pages(index, None, day, limit))) == expected
    assert [index.find(row.id) for row in rows] == rows


@pytest.mark.parametrize("query", ["опера", "вечер", "опера вечер", '"опера вечер"'])
def test_windows_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    """Looked through in parts, the list is the same on every page, deep ones included."""
    random = Random(3)
    words = ("опера", "балет", "вечер", "утро")
    rows = [
        row(number, *(" ".join(random.choices(words, k=k)) for k in (1 + number % 2, 3)))
        for number in range(1, 257)
    ]
    rows.append(row(257, "утро", "опера вечер"))  # alone in the last window
    whole = build(tmp_path / "whole", *rows)
    monkeypatch.setattr("catalog.index.WINDOW_DOCUMENTS", 4)
    parts = build(tmp_path / "parts", *rows)
    expected = found(whole, query)
    assert len(expected) > 20
    assert len(parts._windows) > 8
    assert found(parts, query) == expected
    monkeypatch.setattr(search, "DEEP_OFFSET", 5)
    assert list(chain.from_iterable(pages(parts, query, None, 7))) == whole.page(
        query, None, offset=0, limit=1000
    )


def test_every_look_keeps_few_pages_mapped(
    index: SearchIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of events and a single one alike."""
    asked: list[MappedFiles] = []
    monkeypatch.setattr(MappedFiles, "keep_few", lambda files: asked.append(files))
    assert index.page(None, None, offset=0, limit=1)
    assert index.find(1)
    assert len(asked) == 2
