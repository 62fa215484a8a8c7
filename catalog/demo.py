"""Data to try the service with: files in exactly the published formats, all of it invented.

The same seed and the same day give the same bytes. Active events lie in the year after the day,
archived ones in the ten years before it.
"""

import csv
import hashlib
import json
import string
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from itertools import chain
from pathlib import Path
from random import Random
from typing import NamedTuple

import orjson
from tqdm import tqdm

from catalog import demo_words as words

EMAIL = "demo@billetter.kz"
PASSWORD = "demo"

USERS = 10_000
EVENTS = 10_000
ARCHIVE = 100_000
SEED = 2027

ARCHIVE_FIRST_ID = 100_000  # as published; so there is room for active events below
ARCHIVE_DAYS = 3650
ACTIVE_DAYS = 365
CONCERT_IN_DAYS = 60

# Some rows are hard on purpose, as often as in the published data.
CYRILLIC_EVERY = 9  # emails with a Cyrillic letter that looks like a Latin one
COLON_EVERY = 8  # passwords with a colon
INACTIVE_EVERY = 5
BIRTHDAY_UNKNOWN_EVERY = 3

_PASSWORD_CHARS = string.ascii_letters + string.digits + "!#$%&()*+,-./;<=>?@[]^_{|}~\"'"
_USER_COLUMNS = (
    "user_id",
    "email",
    "password_hash",
    "password_plain",
    "first_name",
    "surname",
    "birthday",
    "registered_at",
    "is_active",
    "last_logged_in",
)


class Files(NamedTuple):
    """Where the four files lie."""

    users: Path
    events: Path
    archive: Path
    halls: Path


def write(
    directory: Path,
    *,
    today: date,
    users: int = USERS,
    events: int = EVENTS,
    archive: int = ARCHIVE,
    seed: int = SEED,
    progress: bool = False,
) -> Files:
    """Write the files into `directory`, which is made if need be.

    Counts are at least 1, that of events 2, because the plan of halls names two: event 1 is the
    stadium's concert, and of event 2 only one zone is ours to sell. User 1 is EMAIL with PASSWORD.
    """
    directory.mkdir(parents=True, exist_ok=True)
    names = ("users.csv", "events.json", "events_archive.json", "halls.json")
    files = Files(*(directory / name for name in names))

    def shown(rows: Iterable[_Row], name: str, total: int) -> Iterable[_Row]:
        return tqdm(rows, desc=f"demo {name}", total=total, unit="rows") if progress else rows

    _write_users(files.users, shown(_users(Random(f"users {seed}"), today, users), "users", users))
    active = _active(Random(f"events {seed}"), today, events)
    _write_events(files.events, shown(active, "events", events))
    archived = _archived(Random(f"archive {seed}"), today, archive)
    _write_events(files.archive, shown(archived, "archive", archive))
    plan = json.dumps(_HALLS, ensure_ascii=False, indent=2)
    files.halls.write_text(plan + "\n", encoding="utf-8")
    return files


_Row = dict[str, object]


def _users(random: Random, today: date, count: int) -> Iterator[_Row]:
    for user_id in range(1, count + 1):
        first_name, first_latin = random.choice(words.FIRST_NAMES)
        surname, surname_latin = random.choice(words.SURNAMES)
        login = f"{first_latin}_{surname_latin}_{user_id}"
        email = f"{_with_twin(login, user_id)}@{random.choice(words.MAIL_HOSTS)}"
        password = _password(random, user_id)
        if user_id == 1:
            email, password = EMAIL, PASSWORD
        registered = today - timedelta(days=random.randrange(30, 2000))
        birthday = today - timedelta(days=random.randrange(16 * 365, 80 * 365))
        unknown = user_id % BIRTHDAY_UNKNOWN_EVERY == 0
        yield {
            "user_id": user_id,
            "email": email,
            "password_hash": hashlib.sha256(password.encode()).hexdigest(),
            "password_plain": password,
            "first_name": first_name,
            "surname": surname,
            "birthday": "" if unknown else birthday.isoformat(),
            "registered_at": f"{registered} 00:00:00",
            "is_active": user_id % INACTIVE_EVERY != 0,
            "last_logged_in": f"{registered + timedelta(days=random.randrange(30))} 00:00:00",
        }


def _with_twin(login: str, user_id: int) -> str:
    if user_id % CYRILLIC_EVERY != 0:
        return login
    latin = next(letter for letter in login if letter in words.CYRILLIC_TWINS)
    return login.replace(latin, words.CYRILLIC_TWINS[latin], 1)


def _password(random: Random, user_id: int) -> str:
    chars = random.choices(_PASSWORD_CHARS, k=random.randrange(8, 17))
    if user_id % COLON_EVERY == 0:
        chars[random.randrange(len(chars))] = ":"
    return "".join(chars)


def _write_users(path: Path, rows: Iterable[_Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _USER_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _active(random: Random, today: date, count: int) -> Iterator[_Row]:
    yield {
        "id": 1,
        "title": words.CONCERT_TITLE,
        "description": words.CONCERT_DESCRIPTION,
        "type": "concert",
        "datetime_start": f"{today + timedelta(days=CONCERT_IN_DAYS)}T20:00:00",
        "provider": "Билеттер",
    }
    for event_id in range(2, count + 1):
        day = today + timedelta(days=random.randrange(1, ACTIVE_DAYS))
        yield _event(random, event_id, day, words.ACTIVE_TYPES)


def _archived(random: Random, today: date, count: int) -> Iterator[_Row]:
    for event_id in range(ARCHIVE_FIRST_ID, ARCHIVE_FIRST_ID + count):
        day = today - timedelta(days=random.randrange(1, ARCHIVE_DAYS))
        yield _event(random, event_id, day, words.ARCHIVED_TYPES)


def _event(random: Random, event_id: int, day: date, types: tuple[str, ...]) -> _Row:
    type_ = random.choice(types)
    hour, minute = random.randrange(10, 22), random.choice((0, 15, 30, 45))
    sentences = (words.OPENINGS[type_], words.MIDDLES, words.ENDINGS)
    return {
        "id": event_id,
        "title": _title(random.choice, type_),
        "description": " ".join(map(random.choice, sentences)),
        "type": type_,
        "datetime_start": f"{day}T{hour}:{minute:02}:00",
        "provider": random.choice(words.PROVIDERS),
    }


def _title(choice: Callable[[tuple[str, ...]], str], type_: str) -> str:
    return choice(words.TITLES[type_]).format(
        artist=f"{choice(words.ARTIST_FIRST)} {choice(words.ARTIST_LAST)}",
        work=f"{choice(words.NOUNS)} {choice(words.OF_WHAT)}",
        city=choice(words.CITIES),
        game=choice(words.GAMES),
        sport=choice(words.SPORTS),
        team=choice(words.TEAMS),
        rival=choice(words.TEAMS),
    )


def _write_events(path: Path, rows: Iterable[_Row]) -> None:
    """A JSON array, two spaces deeper at each level, written event by event."""
    with path.open("wb") as file:
        separators = chain([b"[\n  "], iter(lambda: b",\n  ", None))
        for separator, row in zip(separators, rows, strict=False):
            text = orjson.dumps(row, option=orjson.OPT_INDENT_2)
            file.write(separator + text.replace(b"\n", b"\n  "))
        file.write(b"\n]\n")


_HALLS = {
    "halls": {
        "arena": {
            "rows": 60,
            "seats_per_row": 100,
            "sale": "own",
            "zones": [
                {"name": "Танцпол", "rows": [1, 15], "price_minor": 25_000_00},
                {"name": "Нижние трибуны", "rows": [16, 40], "price_minor": 18_000_00},
                {"name": "Верхние трибуны", "rows": [41, 60], "price_minor": 9_000_00},
            ],
        },
        "theatre": {
            "rows": 25,
            "seats_per_row": 36,
            "sale": "own",
            "zones": [
                {"name": "Партер", "rows": [1, 12], "price_minor": 12_000_00},
                {"name": "Бельэтаж", "rows": [13, 18], "price_minor": 9_000_00},
                {"name": "Балкон", "rows": [19, 25], "price_minor": 6_000_00},
            ],
        },
        "cinema": {
            "rows": 12,
            "seats_per_row": 24,
            "sale": "own",
            "zones": [
                {"name": "Зал", "rows": [1, 9], "price_minor": 2_500_00},
                {"name": "Диваны", "rows": [10, 12], "price_minor": 4_500_00},
            ],
        },
    },
    "events": {
        "1": "stadium",
        "2": {"hall": "theatre", "sale": "allotment", "allotment": {"zones": ["Партер"]}},
    },
    "types": {"concert": "arena", "stage": "theatre", "film": "cinema", "cinema": "cinema"},
    "default": "standard",
}
