"""Answers remembered for a while: the status cache and the idempotency caches of the gateway."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

# Some 60 MB of answers at most; the oldest is forgotten first, which a cache may do.
ANSWERS_MAX = 100_000

Answer = TypeVar("Answer")


class AnswerCache(Generic[Answer]):
    """Answers by key, each with the moment it goes stale (Unix seconds)."""

    def __init__(self, answers_max: int = ANSWERS_MAX) -> None:
        self._answers_max = answers_max
        self._answers: OrderedDict[Hashable, tuple[float, Answer]] = OrderedDict()

    def get(self, key: Hashable, *, now: float) -> Answer | None:
        """The answer, unless it is unknown or stale."""
        kept = self._answers.get(key)
        if kept is None:
            return None
        stale_at, answer = kept
        if now >= stale_at:
            del self._answers[key]
            return None
        return answer

    def put(self, key: Hashable, answer: Answer, *, stale_at: float) -> None:
        """Remember an answer; it does not outlive `stale_at`."""
        self._answers.pop(key, None)
        self._answers[key] = (stale_at, answer)
        if len(self._answers) > self._answers_max:
            self._answers.popitem(last=False)
