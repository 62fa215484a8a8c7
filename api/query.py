"""The query string: percent-decoding, integers, choices. Whatever is not well-formed is a 400."""

import re
from collections.abc import Mapping
from datetime import date
from typing import TypeVar
from urllib.parse import unquote_to_bytes

from api.problems import BAD_REQUEST, Refusal

# No call has more than five; a longer list is somebody who tries to keep the loop busy.
PAIRS_MAX = 32
PAGE_SIZE_DEFAULT = 20
PAGE_SIZE_MAX = 20  # the contract's
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

_INTEGER = re.compile(r"(-?)0*([0-9]{1,19})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_Choice = TypeVar("_Choice")


def parse_query(raw: bytes) -> dict[str, str]:
    """Names and values; raises Refusal for a name that comes twice or bytes that aren't UTF-8."""
    values: dict[str, str] = {}
    if not raw:
        return values
    pairs = raw.split(b"&")
    if len(pairs) > PAIRS_MAX:
        raise Refusal(BAD_REQUEST, f"Слишком много параметров: больше {PAIRS_MAX}.")
    for pair in pairs:
        if not pair:
            continue
        if b"%" in pair or b"+" in pair:
            pair_name, _, pair_value = pair.replace(b"+", b" ").partition(b"=")
            name, value = _text(unquote_to_bytes(pair_name)), _text(unquote_to_bytes(pair_value))
        else:
            name, _, value = _text(pair).partition("=")
        if name in values:
            raise Refusal(BAD_REQUEST, "Один из параметров указан дважды.")
        values[name] = value
    return values


def integer(values: Mapping[str, str], name: str) -> int | None:
    """An int64 in ASCII digits; None: not given."""
    text = values.get(name)
    if text is None:
        return None
    if len(text) < 19 and text.isascii() and text.isdigit():  # what nearly everybody sends
        return int(text)
    found = _INTEGER.fullmatch(text)
    if found is not None:
        number = int(found[1] + found[2])
        if INT64_MIN <= number <= INT64_MAX:
            return number
    raise Refusal(BAD_REQUEST, f"Параметр {name}: нужно целое число (int64).")


def required_integer(values: Mapping[str, str], name: str) -> int:
    """The same where the call can't do without."""
    number = integer(values, name)
    if number is None:
        raise Refusal(BAD_REQUEST, f"Параметр {name} обязателен.")
    return number


def id_query(values: Mapping[str, str]) -> int:
    """What a call is about, where it is about one thing: the `id` in its path or its query."""
    return required_integer(values, "id")


def positive(values: Mapping[str, str], name: str) -> int | None:
    """An integer from 1 on; None: not given."""
    number = integer(values, name)
    if number is not None and number < 1:
        raise Refusal(BAD_REQUEST, f"Параметр {name}: нужно число от 1.")
    return number


def page_size(values: Mapping[str, str]) -> int:
    """How many items a page has, 1 to PAGE_SIZE_MAX."""
    number = positive(values, "pageSize")
    if number is None:
        return PAGE_SIZE_DEFAULT
    if number > PAGE_SIZE_MAX:
        raise Refusal(BAD_REQUEST, f"Параметр pageSize: нужно число от 1 до {PAGE_SIZE_MAX}.")
    return number


def choice(values: Mapping[str, str], name: str, choices: Mapping[str, _Choice]) -> _Choice | None:
    """What one of the words in `choices` stands for; None: not given."""
    text = values.get(name)
    if text is None:
        return None
    if text not in choices:
        raise Refusal(BAD_REQUEST, f"Параметр {name}: одно из {', '.join(choices)}.")
    return choices[text]


def day(values: Mapping[str, str], name: str) -> date | None:
    """A date as YYYY-MM-DD; None: not given."""
    text = values.get(name)
    if text is None:
        return None
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Refusal(BAD_REQUEST, f"Параметр {name}: нужна дата вида 2027-12-31.")


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Refusal(BAD_REQUEST, "Параметры должны быть в UTF-8.") from None
