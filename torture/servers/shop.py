"""A small shop to be killed: its data directory, its users, and how it is started."""

import sys
from datetime import date
from pathlib import Path
from typing import NamedTuple

from api.demo import initialise
from catalog import demo
from torture.servers.clients import User, active_users

USERS = 300
EVENTS = 41
_TODAY = date(2027, 1, 10)


class Shop(NamedTuple):
    """An initialised data directory, those who may log in, and where its servers write to."""

    data: Path
    users: list[User]
    log: Path


def made(directory: Path) -> Shop:
    """Make one in an empty directory."""
    files = demo.write(directory, today=_TODAY, users=USERS, events=EVENTS, archive=0)
    data = directory / "data"
    initialise(data, files, archive=False)
    return Shop(data, active_users(files.users), directory / "serve.log")


def command(shop: Shop, port: int, **options: int) -> list[str]:
    """The words that start a server of it."""
    words = [sys.executable, "-m", "api", "serve", "--data", str(shop.data), "--port", str(port)]
    for name, value in options.items():
        words += ["--" + name.replace("_", "-"), str(value)]
    return words
