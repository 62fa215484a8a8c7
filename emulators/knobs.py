"""What can be turned while an emulator runs, and which fault strikes next.

Knobs are frozen values: a change replaces them whole, after validation, so a handler
that holds them across an `await` never sees half of a change. A profile is a complete set of them.
"""

import math
import random
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

# Enough for any test plan; each request walks the list.
FAULTS_MAX = 100
# A route is a path and a verb; a longer pattern is a mistake.
ROUTE_PATTERN_CHARACTERS_MAX = 200
HANG_SECONDS_MAX = 3600.0
LATENCY_MS_MAX = 60_000.0
# With 3, one wait in a thousand is ten thousand times the median.
SIGMA_MAX = 3.0

NotNegative = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Pattern = Annotated[str, Meta(min_length=1, max_length=ROUTE_PATTERN_CHARACTERS_MAX)]
Seconds = Annotated[float, Meta(ge=0, le=HANG_SECONDS_MAX)]
Sigma = Annotated[float, Meta(ge=0, le=SIGMA_MAX)]


class Strike(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often something bad happens to what matches.

    `times` strikes the next N matches (`None`: without end), each with `probability`; a match
    that is spared does not count.
    """

    times: Annotated[int, Meta(ge=1)] | None = None
    probability: Annotated[float, Meta(gt=0, le=1)] = 1.0

    def pattern(self) -> str:
        """A regular expression that is searched in what may be struck."""
        return "."

    def __post_init__(self) -> None:
        try:
            re.compile(self.pattern())
        except re.error as error:
            raise ValueError(f"{self.pattern()!r} is not a regular expression: {error}") from None


class Fault(Strike, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way for an answer to fail.

    `route` is a regular expression searched in `"POST /api/v1/PaymentInit/init"`.
    `when` says on which side of the real work a `status`, `garbage`, `hang` or `drop` falls: a
    fault "after" loses only the answer, the effect stays. `truncated` and `slow` spoil the real
    answer. A `hang` lasts `hang_s`, or about that with a `sigma`; a `slow` body takes so long.
    """

    route: Pattern = "."
    kind: Literal["status", "garbage", "hang", "drop", "truncated", "slow"] = "status"
    status: Literal[429, 500, 502, 503] = 500
    when: Literal["before", "after"] = "before"
    hang_s: Seconds = 30.0
    sigma: Sigma = 0.0
    retry_after_s: Annotated[int, Meta(ge=0)] = 1

    def pattern(self) -> str:
        return self.route


Faults = Annotated[tuple[Fault, ...], Meta(max_length=FAULTS_MAX)]


class Knobs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The knobs that both emulators have.

    `latency_ms` is waited before every answer: exactly, or log-normally about that median with
    `latency_sigma`. For `refuse_for_s` seconds after it was set, nobody gets through at all.
    """

    profile: Literal["documented", "as_built", "instant"] = "documented"
    latency_ms: Annotated[float, Meta(ge=0, le=LATENCY_MS_MAX)] = 0.0
    latency_sigma: Sigma = 0.0
    refuse_for_s: Seconds = 0.0
    faults: Faults = ()


AnyKnobs = TypeVar("AnyKnobs", bound=Knobs)
AnyStrike = TypeVar("AnyStrike", bound=Strike)


class BadKnobs(ValueError):
    """The new settings are refused; the old ones stay."""


def read_change(body: bytes | str) -> dict[str, object]:
    """The JSON object of a change; raises BadKnobs."""
    try:
        return msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadKnobs(str(error)) from None


def turned(
    present: AnyKnobs, change: Mapping[str, object], profiles: Mapping[str, AnyKnobs]
) -> AnyKnobs:
    """The knobs after a change: those named move. A named profile moves all others to its own."""
    try:
        named = msgspec.convert(change, type(present))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadKnobs(str(error)) from None
    base = profiles[named.profile] if "profile" in change else present
    return msgspec.structs.replace(base, **{name: getattr(named, name) for name in change})


class Strikes(Generic[AnyStrike]):
    """Chooses what strikes next, and knows how many strikes each has left."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)
        self._armed: tuple[AnyStrike, ...] = ()
        self._left: list[int | None] = []

    def next(self, strikes: tuple[AnyStrike, ...], subject: str) -> AnyStrike | None:
        """The first of `strikes` that falls on this subject; takes one of its times.

        They are armed when they are first seen: a change of other knobs keeps what is left.
        """
        if strikes is not self._armed:
            self._armed, self._left = strikes, [strike.times for strike in strikes]
        for index, strike in enumerate(strikes):
            left = self._left[index]
            if left == 0 or not re.search(strike.pattern(), subject):
                continue
            if strike.probability < 1 and self._random.random() >= strike.probability:
                continue
            if left is not None:
                self._left[index] = left - 1
            return strike
        return None


class Panel(Generic[AnyKnobs]):
    """The knobs as they stand now, the faults that are armed, and the window of refusal."""

    def __init__(
        self,
        knobs: AnyKnobs,
        *,
        profiles: Mapping[str, AnyKnobs],
        seed: int,
        now: Callable[[], float],
    ) -> None:
        self.knobs = knobs
        self._profiles = profiles
        self._now = now
        self._strikes: Strikes[Fault] = Strikes(f"faults:{seed}")
        self._latencies = random.Random(f"latencies:{seed}")
        self._refuses_until = now() + knobs.refuse_for_s

    def change(self, body: bytes) -> None:
        """Merge a JSON object of knobs into the present ones, or raise BadKnobs and do nothing."""
        change = read_change(body)
        self.knobs = turned(self.knobs, change, self._profiles)
        if "refuse_for_s" in change or "profile" in change:
            self._refuses_until = self._now() + self.knobs.refuse_for_s

    def fault_for(self, route: str) -> Fault | None:
        """The first fault that strikes this request; takes one of its strikes."""
        return self._strikes.next(self.knobs.faults, route)

    def is_refusing(self) -> bool:
        """Whether nobody gets through at this moment."""
        return self._now() < self._refuses_until

    def latency_s(self) -> float:
        """How long this request waits first, in seconds."""
        return self.spread(self.knobs.latency_ms / 1000, self.knobs.latency_sigma)

    def spread(self, median_s: float, sigma: float) -> float:
        """A log-normal wait about its median, an hour at most; the median itself without sigma."""
        if not sigma or not median_s:
            return median_s
        drawn_s = self._latencies.lognormvariate(math.log(median_s), sigma)
        return min(drawn_s, HANG_SECONDS_MAX)
