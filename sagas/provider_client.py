"""The seat provider's calls: one order at a time, one place at a time.

Its errors have no body and few codes, so 409 alone is a refusal here; all else that isn't success
is Unknown, 404 and 500 too, because an unknown id and a lost race look the same. What a 409 means,
only the caller's own past tells. There is no `release` on purpose: it would free anybody's place.
"""

from enum import StrEnum
from uuid import UUID

import httpx
import msgspec

from sagas import wire
from sagas.breaker import Breaker
from sagas.calls import Calls, counted
from sagas.outcome import Done, Outcome, Refused, Unknown

TOTAL_SECONDS = 5.0
CALLS = ("start", "order", "is_free", "select", "submit", "confirm", "cancel", "places")
CONNECTIONS_MAX = 20
PAGE_SIZE_MAX = 1_000
_API = "/api/partners/v1"


class OrderStatus(StrEnum):
    """Where an order stands, in the provider's words."""

    STARTED = "STARTED"
    SUBMITTED = "SUBMITTED"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"


class Order(msgspec.Struct, frozen=True):
    """An order as the provider's reading side shows it: late, and only ever behind the truth."""

    status: OrderStatus
    places_count: int


class Place(msgspec.Struct, frozen=True, gc=False):
    """A seat of the provider's. `seat` counts within its row; both begin at 1."""

    id: UUID
    row: int
    seat: int


class _Started(msgspec.Struct):
    order_id: UUID


class _Seen(msgspec.Struct):
    is_free: bool


class ProviderClient:
    """A method a call; none is repeated here, none raises."""

    def __init__(
        self,
        *,
        base_url: str,
        breaker: Breaker,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.breaker = breaker
        self.calls = Calls(*CALLS)
        self._http = wire.open_client(
            base_url.rstrip("/"),
            total_seconds=TOTAL_SECONDS,
            connections_max=CONNECTIONS_MAX,
            transport=transport,
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    @counted
    async def start(self) -> Outcome[str]:
        """Open a new order and return its id. One that is started in vain does no harm."""
        reply = await self._ask("POST", "/orders")
        if isinstance(reply, Unknown):
            return reply
        if reply.status not in (200, 201):
            return wire.unknown(reply)
        try:
            return Done(str(msgspec.json.decode(reply.body, type=_Started).order_id))
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return wire.unknown(reply, "an order without an id")

    @counted
    async def order(self, order: str) -> Outcome[Order | None]:
        """How an order looks; None: not to be seen, which soon after its start means nothing."""
        reply = await self._ask("GET", f"/orders/{order}")
        if isinstance(reply, Unknown):
            return reply
        if reply.status == 404:
            return Done(None)
        if reply.status != 200:
            return wire.unknown(reply)
        try:
            return Done(msgspec.json.decode(reply.body, type=Order))
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return wire.unknown(reply, "an order that can't be read")

    @counted
    async def is_free(self, place: str) -> Outcome[bool]:
        """Whether a place looks free: late, and only ever behind the truth."""
        reply = await self._ask("GET", f"/places/{place}")
        if isinstance(reply, Unknown):
            return reply
        if reply.status != 200:
            return wire.unknown(reply)
        try:
            return Done(msgspec.json.decode(reply.body, type=_Seen).is_free)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return wire.unknown(reply, "a place that can't be read")

    @counted
    async def select(self, *, place: str, order: str) -> Outcome[None]:
        """Take a place. Refused if it is taken – perhaps by this very order, a moment ago."""
        return _changed(await self._ask("PATCH", f"/places/{place}/select", {"order_id": order}))

    @counted
    async def submit(self, order: str) -> Outcome[None]:
        """Hold all its places for us: from then on nobody else is sold one."""
        return _changed(await self._ask("PATCH", f"/orders/{order}/submit"))

    @counted
    async def confirm(self, order: str) -> Outcome[None]:
        """Make it ours for ever: there is no way back."""
        return _changed(await self._ask("PATCH", f"/orders/{order}/confirm"))

    @counted
    async def cancel(self, order: str) -> Outcome[None]:
        """Let all its places go. They are free a little after the answer."""
        return _changed(await self._ask("PATCH", f"/orders/{order}/cancel"))

    @counted
    async def places(self, *, page: int, page_size: int = PAGE_SIZE_MAX) -> Outcome[list[Place]]:
        """A page of all places, from page 1; past the end it is empty."""
        reply = await self._ask("GET", f"/places?page={page}&pageSize={page_size}")
        if isinstance(reply, Unknown):
            return reply
        if reply.status != 200:
            return wire.unknown(reply)
        try:
            return Done(msgspec.json.decode(reply.body, type=list[Place]))
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return wire.unknown(reply, "a page that can't be read")

    async def _ask(self, method: str, path: str, content: object = None) -> wire.Reply | Unknown:
        reply = await wire.ask(
            self._http, method, _API + path, total_seconds=TOTAL_SECONDS, content=content
        )
        self.breaker.note(reply)
        return reply


def _changed(reply: wire.Reply | Unknown) -> Outcome[None]:
    if isinstance(reply, Unknown):
        return reply
    if reply.body:
        return wire.unknown(
            reply, f"HTTP {reply.status} with a body, which the provider never sends"
        )
    if reply.status in (200, 202, 204):
        return Done(None)
    if reply.status == 409:
        return Refused(409, "")
    return wire.unknown(reply)
