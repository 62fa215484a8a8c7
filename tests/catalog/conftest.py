"""Small files in the published formats, and catalogs imported from them."""

import csv
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from catalog import Catalog, import_files

ALMATY = ZoneInfo("Asia/Almaty")


def user(user_id: int = 1, **changes: Any) -> dict[str, Any]:
    """One row of users.csv; its password is "secret"."""
    row = {
        "user_id": user_id,
        "email": f"user{user_id}@example.kz",
        "password_hash": hashlib.sha256(b"secret").hexdigest(),
        "password_plain": "secret",
        "first_name": "Дана",
        "surname": "Лунина",
        "birthday": "",
        "registered_at": "2024-10-13 00:00:00",
        "is_active": "True",
        "last_logged_in": "2025-04-20 00:00:00",
    }
    return row | changes


def event(event_id: int = 1, **changes: Any) -> dict[str, Any]:
    """One object of events.json."""
    row = {
        "id": event_id,
        "title": f"Вечер номер {event_id}",
        "description": "Зал открывается за час.",
        "type": "stage",
        "datetime_start": "2027-05-01T19:30:00",
        "provider": "Сахна",
    }
    return row | changes


class Data:
    """Writes given files into a directory and imports them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.target = directory / "data" / "catalog"

    def users(self, *rows: dict[str, Any], name: str = "users.csv") -> Path:
        path = self.directory / name
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        return path

    def events(self, *rows: dict[str, Any], name: str = "events.json", indent: int = 2) -> Path:
        path = self.directory / name
        path.write_text(json.dumps(rows, ensure_ascii=False, indent=indent), encoding="utf-8")
        return path

    def text(self, name: str, content: str | bytes) -> Path:
        path = self.directory / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def load(self, **files: Any) -> None:
        """Import; whatever isn't given is one ordinary row."""
        given = {"users": self.users, "events": self.events}
        rows = {"users": user(), "events": event()}
        for name, write in given.items():
            if name not in files:
                files[name] = write(rows[name])
        import_files(self.target, timezone=ALMATY, **files)


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return Data(tmp_path)


@pytest.fixture
def opened(data: Data) -> Iterator[Callable[..., Catalog]]:
    """Import the given files and open the catalog; it is closed after the test."""
    catalogs = []

    def load(**files: Any) -> Catalog:
        data.load(**files)
        catalog = Catalog.open(data.target)
        catalogs.append(catalog)
        return catalog

    yield load
    for catalog in catalogs:
        catalog.close()
