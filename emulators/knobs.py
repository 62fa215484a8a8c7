"""What can be turned while an emulator runs, and which fault strikes next.

Knobs are frozen values: a change replaces them whole, after validation, so a handler
that holds them across an `await` never sees half of a change.
"""

import random
import re
from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

# Enough for any test plan; each request walks the list.
FAULTS_MAX = 100
# A route is a path and a verb; a longer pattern is a mistake.
ROUTE_PATTERN_CHARACTERS_MAX = 200
HANG_SECONDS_MAX = 3600.0
LATENCY_MS_MAX = 60_000.0

NotNegative = Annotated[float, Meta(ge=0)]
RoutePattern = Annotated[str, Meta(min_length=1, max_length=ROUTE_PATTERN_CHARACTERS_MAX)]


class Fault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to fail.

    `route` is a regular expression searched in `"POST /api/v1/PaymentInit/init"`.
    `when` says on which side of the real work the fault falls: a fault "after" loses only the
    answer, the effect stays. `times` strikes the next N matching requests (`None`: without end),
    each with `probability`; a request that is spared does not count.
    """

    route: RoutePattern = "."
    kind: Literal["status", "garbage", "hang"] = "status"
    status: Literal[429, 500, 502, 503] = 500
    when: Literal["before", "after"] = "before"
    times: Annotated[int, Meta(ge=1)] | None = None
    probability: Annotated[float, Meta(gt=0, le=1)] = 1.0
    hang_s: Annotated[float, Meta(ge=0, le=HANG_SECONDS_MAX)] = 30.0
    retry_after_s: Annotated[int, Meta(ge=0)] = 1


class Knobs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The knobs that both emulators have."""

    profile: Literal["documented"] = "documented"
    latency_ms: Annotated[float, Meta(ge=0, le=LATENCY_MS_MAX)] = 0.0
    faults: Annotated[tuple[Fault, ...], Meta(max_length=FAULTS_MAX)] = ()


AnyKnobs = TypeVar("AnyKnobs", bound=Knobs)


class BadKnobs(ValueError):
    """The new settings are refused; the old ones stay."""


class Panel(Generic[AnyKnobs]):
    """The knobs as they stand now, and how many strikes each fault has left."""

    def __init__(self, knobs: AnyKnobs, *, seed: int) -> None:
        self._random = random.Random(f"faults:{seed}")
        self._install(knobs)

    def change(self, body: bytes) -> None:
        """Merge a JSON object of knobs into the present ones, or raise BadKnobs and do nothing."""
        try:
            change = msgspec.json.decode(body, type=dict[str, object])
            merged = msgspec.to_builtins(self.knobs) | change
            self._install(msgspec.convert(merged, type(self.knobs)))
        except (msgspec.MsgspecError, RecursionError) as error:
            raise BadKnobs(str(error)) from None
        except re.error as error:
            raise BadKnobs(f"A fault's route is not a regular expression: {error}") from None

    def fault_for(self, route: str) -> Fault | None:
        """The first fault that strikes this request; takes one of its strikes."""
        for index, pattern in enumerate(self._patterns):
            fault, left = self.knobs.faults[index], self._strikes_left[index]
            if left == 0 or not pattern.search(route):
                continue
            if fault.probability < 1 and self._random.random() >= fault.probability:
                continue
            if left is not None:
                self._strikes_left[index] = left - 1
            return fault
        return None

    def _install(self, knobs: AnyKnobs) -> None:
        self._patterns = [re.compile(fault.route) for fault in knobs.faults]
        self._strikes_left = [fault.times for fault in knobs.faults]
        self.knobs = knobs
