"""The calls to one outside service since the process began: how each ended, how long it took.

Who watches the shop sees here what the breaker can't tell: a gateway that begins no payment while
all its checks are answered, or a provider that becomes slower by the hour.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from itertools import product
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from engine import Histogram
from sagas.outcome import Answer, Done, Outcome, Refused, Unknown

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_WORDS = {Done: "done", Refused: "refused", Unknown: "unknown"}


class Calls:
    """By the name of the call and by its outcome, in a word."""

    def __init__(self, *names: str) -> None:
        # All from zero: whoever reads them now and then would miss the first of what isn't there.
        self.counts = dict.fromkeys(product(names, _WORDS.values()), 0)
        self.seconds = Histogram(SECONDS)

    def add(self, name: str, outcome: Outcome[Any], *, seconds: float) -> None:
        """One more call has ended."""
        self.counts[name, _WORDS[type(outcome)]] += 1
        self.seconds.add(seconds)


class _Client(Protocol):
    @property
    def calls(self) -> Calls: ...


_AnyClient = TypeVar("_AnyClient", bound=_Client)
_Given = ParamSpec("_Given")
_Method = Callable[Concatenate[_AnyClient, _Given], Coroutine[Any, Any, Outcome[Answer]]]


def counted(
    method: _Method[_AnyClient, _Given, Answer],
) -> _Method[_AnyClient, _Given, Answer]:
    """A method of a client that counts, under its own name, in the client's `calls`."""
    name = method.__name__

    @wraps(method)
    async def call(
        client: _AnyClient, /, *given: _Given.args, **named: _Given.kwargs
    ) -> Outcome[Answer]:
        clock = asyncio.get_running_loop().time
        began = clock()
        outcome = await method(client, *given, **named)
        client.calls.add(name, outcome, seconds=clock() - began)
        return outcome

    return call
