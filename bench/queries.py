"""What people look for: words that stand in an event's own texts."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from random import Random

from catalog.event_file import EventRow

WORD = re.compile(r"\w+")


def distinct_queries(random: Random, rows: Sequence[EventRow]) -> Iterator[str]:
    """One after another, none twice: no answer to them is remembered."""
    seen: set[str] = set()
    while True:
        query = query_of(random, random.choice(rows))
        if query not in seen:
            seen.add(query)
            yield query


def query_of(random: Random, row: EventRow) -> str:
    """One to four words that stand together in a title (half of them), scattered over it, of a
    description, of both; one in ten in quotes."""
    title, described = WORD.findall(row.title), WORD.findall(row.description)
    kind = random.randrange(10)
    if kind < 6:
        at = random.randrange(len(title))
        words = " ".join(title[at : at + random.randrange(1, 5)])
        return f'"{words}"' if kind == 0 else words
    if kind < 8:
        return " ".join(random.sample(title, min(len(title), random.randrange(1, 4))))
    if kind == 8:
        return " ".join(random.sample(described, random.randrange(1, 4)))
    both = chain(random.sample(title, 1), random.sample(described, random.randrange(1, 3)))
    return " ".join(both)
