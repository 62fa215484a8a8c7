"""How a call to an outside service ended: done, refused, or unknown. There is no fourth way.

Unknown is no failure: the service may have done what it was asked, and its answer got lost. Such a
call is repeated or looked into, and nothing is ever undone because of it.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Done(Generic[Answer]):
    """The service has done it and this is what it said."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Refused:
    """The service has understood, has changed nothing, and says why in its own `code`.

    `reason` is what it adds in words, a line of it at most.
    """

    status: int
    code: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can say whether it was done. `retry_after_s` is the service's wish, 0: none."""

    reason: str
    retry_after_s: float = 0.0


Outcome = Done[Answer] | Refused | Unknown
# The call, or one like it, is still owed; where None may stand instead, it went through.
Trouble = Refused | Unknown
