"""The application over a real engine in memory, and stand-ins for catalog, gateway and clock."""

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple, cast

import orjson
from starlette.applications import Starlette

import catalog
from api.app import create_app
from api.organiser.replays import Replay, Replays, ReplayState, replay_path
from api.service import Service
from api.staff import Member, Role, Staff
from catalog import Catalog, HallPlan, User
from engine import Engine, Event, Hall, Payment, Rules, Sale, Zone, seat_id_of
from engine.errors import UnknownPayment
from sagas import Calls, SagaError

NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000
MERCHANT = "demo"
TICKET_KEY = b"what tickets are signed with, ok"

PARTER = Hall(rows=3, seats_per_row=10, zones=(Zone("Партер", 1, 3, 1_500_050),))
CHEAP = Hall(rows=1, seats_per_row=5, zones=(Zone("Вход", 1, 1, 1),))
THEATRE = Hall(
    rows=3, seats_per_row=10, zones=(Zone("Партер", 1, 2, 900_000), Zone("Балкон", 3, 3, 400_000))
)
CONCERT, SOON, CHARITY, OPERA, PAST = 1, 2, 3, 4, 100_000
EVENTS = (
    Event(CONCERT, NOW_MS + 30 * DAY_MS, PARTER),
    Event(SOON, NOW_MS + DAY_MS // 4, PARTER),  # in six hours: too late to return
    Event(CHARITY, NOW_MS + 30 * DAY_MS, CHEAP),  # one tiyn a seat: below the gateway's least
    # Given to us are numbers 8 to 10 of row 1, and numbers 1 and 2 of row 2.
    Event(OPERA, NOW_MS + 30 * DAY_MS, THEATRE, Sale.ALLOTMENT, ((7, 12),)),
)

ANN, BOB, GONE = "анна@билет.kz", "bob@show.go", "gone@show.go"
# An organiser and an operator.
OLGA, IVAN = "olga", "ivan"
PASSWORDS = {ANN: "p:a:ss", BOB: "IgnoreMe}?,", GONE: "was:active", OLGA: "opera", IVAN: "root"}
ROLES = {OLGA: Role.ORGANISER, IVAN: Role.OPERATOR}
IDS = {ANN: 1, BOB: 2, GONE: 3}


def seat(number: int, *, event_id: int = CONCERT, row: int = 1) -> int:
    return seat_id_of(event_id=event_id, row=row, number=number)


def basic(email: str, password: str | None = None) -> bytes:
    """An Authorization header; without a password the right one."""
    pair = f"{email}:{PASSWORDS[email] if password is None else password}"
    return b"Basic " + b64encode(pair.encode())


class FakeUsers:
    def __init__(self) -> None:
        self.finds = 0

    def find(self, email: str) -> User | None:
        self.finds += 1
        if email not in IDS:
            return None
        digest = hashlib.sha256(PASSWORDS[email].encode()).digest()
        return User(IDS[email], email, digest, email != GONE, "", "")


def staff() -> Staff:
    """Those who work here."""
    digests = {name: hashlib.sha256(PASSWORDS[name].encode()).digest() for name in ROLES}
    return Staff({name: Member(name, role, digests[name]) for name, role in ROLES.items()})


class FakeEvents:
    """Event 1 is a partner's, of OPERA we sell a part, the others are ours; one more is past."""

    def on_sale(self, event_id: int) -> catalog.Event | None:
        return None if event_id == PAST else self.get(event_id)

    def get(self, event_id: int) -> catalog.Event | None:
        if event_id not in (CONCERT, SOON, CHARITY, OPERA, PAST):
            return None
        return catalog.Event(
            event_id,
            f"Концерт {event_id}",
            "Без антракта.",
            "concert",
            datetime(2027, 12, 31, 19, 30),  # noqa: DTZ001  # local time has no zone here
            NOW_MS,
            "Сахна",
            active=event_id != PAST,
        )

    def hall(self, event_id: int) -> HallPlan:
        sales = {CONCERT: catalog.Sale.PARTNER, OPERA: catalog.Sale.ALLOTMENT}
        return HallPlan(1, 1, (), sales.get(event_id, catalog.Sale.OWN))


class FakeCatalog:
    def __init__(self) -> None:
        self.users = FakeUsers()
        self.events = FakeEvents()
        self.asked: list[tuple[str | None, date | None, int, int]] = []
        self.titles = [(n, f"Концерт {n}") for n in range(1, 46)]

    def search(
        self, query: str | None, day: date | None, *, page: int, page_size: int
    ) -> list[tuple[int, str]]:
        self.asked.append((query, day, page, page_size))
        return self.titles[(page - 1) * page_size : page * page_size]


class FakeSagas:
    """A gateway that answers at once, or with `failure`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.failure: SagaError | None = None
        self.gateway_calls = Calls("init", "check")
        self.sells = set(Sale)
        self.woken: list[int] = []
        self.asked: list[int] = []
        self.verified: list[tuple[int, float]] = []

    async def registered(self, order_id: int, *, within_seconds: float) -> Payment:
        self.asked.append(order_id)
        if self.failure is not None:
            raise self.failure
        payment = self._engine.payment(order_id)
        if payment is None:
            raise UnknownPayment(order_id)
        if not payment.url:
            self._engine.register_payment(
                order_id=order_id,
                payment_id=f"pay-{order_id}",
                url=f"https://gateway.example/pay/{order_id}",
                now_ms=NOW_MS,
            )
        return payment

    async def verify(self, order_id: int, *, within_seconds: float) -> None:
        self.verified.append((order_id, within_seconds))

    def can_sell(self, sale: Sale) -> bool:
        return sale in self.sells

    def unsettled_payments(self) -> list[Payment]:
        found = map(self._engine.payment, self._engine.unsettled())
        return [payment for payment in found if payment is not None]

    def answering(self) -> dict[str, str]:
        return {"gateway": "up", "provider": "none"}

    def calls(self) -> dict[str, Calls]:
        return {"gateway": self.gateway_calls}

    def retry_parked(self) -> int:
        return sum(one.is_parked() for one in self.unsettled_payments())

    def wake(self, order_id: int) -> None:
        self.woken.append(order_id)

    def pay(self, order_id: int) -> None:
        """The customer's money arrives."""
        self._engine.authorize_payment(order_id=order_id, now_ms=NOW_MS)
        self._engine.capture_payment(order_id=order_id, now_ms=NOW_MS)


class ReplaysAtOnce(Replays):
    """Made without a process: one line."""

    def begin(self, event_id: int) -> Replay:
        replay_path(self._directory, event_id).write_bytes(b"{}\n")
        self._replays[event_id] = Replay(ReplayState.READY, 100)
        return self._replays[event_id]


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def problem(self) -> str:
        """The name of the problem, or what was answered instead."""
        if self.headers.get("content-type") != "application/problem+json":
            return f"{self.status}"
        name: str = self.json["type"]
        return name.removeprefix("/problems/")


def _content(part: dict[str, Any]) -> bytes:
    """Of a part of a reply: what it holds, or the file that it names."""
    if part["type"] == "http.response.pathsend":
        return Path(part["path"]).read_bytes()
    body: bytes = part["body"]
    return body


class Rooms:
    """One application and everything behind it."""

    def __init__(
        self, runner: asyncio.Runner, *, rules: Rules | None = None, **chosen: Any
    ) -> None:
        self._runner = runner
        chosen = {"allow_reset": True, "merchant_id": MERCHANT, "staff": staff(), **chosen}
        self.now_ms = NOW_MS
        self.service = Service(clock_ms=lambda: self.now_ms, **chosen)
        self.engine = Engine(EVENTS, rules=rules)
        self.catalog = FakeCatalog()
        self.sagas = FakeSagas(self.engine)
        self.app = create_app(self.service, lifespan=self.lifespan)

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self.open()
        try:
            yield
        finally:
            self.service.close()

    def open(self, directory: Path | None = None) -> None:
        self.service.open(
            engine=self.engine,
            catalog=cast(Catalog, self.catalog),
            sagas=cast(Any, self.sagas),
            ticket_key=TICKET_KEY,
            directory=directory,
        )

    def call(
        self,
        method: str,
        target: str,
        *,
        user: str | None = None,
        json: object = None,
        body: bytes = b"",
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> Answer:
        """Call the application as a server would; `json` is the body where it is given."""
        sent = list(headers)
        if user is not None:
            sent.append((b"authorization", basic(user)))
        raw = body if json is None else orjson.dumps(json)
        return self._runner.run(self.asgi(method, target, sent, [(raw, False)]))

    async def asgi(
        self,
        method: str,
        target: str,
        headers: Sequence[tuple[bytes, bytes]] = (),
        parts: Sequence[tuple[bytes, bool]] = ((b"", False),),
        client: tuple[str, int] | None = ("127.0.0.1", 50_000),
    ) -> Answer:
        """`parts` of the body come with their more_body; after the last one nothing ever comes.

        Of server-sent events the client takes one part and leaves.
        """
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode("utf-8", "surrogateescape"),
            "headers": [*headers],
            "client": client,
            "root_path": "",
        }
        incoming = [
            {"type": "http.request", "body": part, "more_body": more} for part, more in parts
        ]
        outgoing: list[Any] = []
        has_enough = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if not incoming:
                await has_enough.wait()
                return {"type": "http.disconnect"}
            return incoming.pop(0)

        async def send(part: Any) -> None:
            outgoing.append(part)
            if part.get("more_body") and outgoing[0]["headers"][0][1] == b"text/event-stream":
                has_enough.set()

        await self.app(scope, receive, send)
        if not outgoing:
            return Answer(0, {}, b"")
        start, *bodies = outgoing
        decoded = {name.decode(): value.decode() for name, value in start["headers"]}
        assert len(decoded) == len(start["headers"]), "a header is sent twice"
        return Answer(start["status"], decoded, b"".join(map(_content, bodies)))

    # Stories in one line each

    def book(self, user: str = ANN, *seats: int, event_id: int = CONCERT) -> int:
        """A booking of `user` that holds `seats`; returns its id."""
        answer = self.call("POST", "/api/bookings", user=user, json={"event_id": event_id})
        booking_id: int = answer.json["id"]
        for seat_id in seats:
            wanted = {"booking_id": booking_id, "seat_id": seat_id}
            assert self.call("PATCH", "/api/seats/select", user=user, json=wanted).status == 200
        return booking_id

    def initiate(self, booking_id: int, user: str = ANN) -> int:
        """Begin to pay; returns the order id."""
        wanted = {"booking_id": booking_id}
        path = "/api/bookings/initiatePayment"
        assert self.call("PATCH", path, user=user, json=wanted).status == 302
        booking = self.engine.booking(booking_id)
        assert booking is not None
        return booking.order_id

    def pay(self, booking_id: int, user: str = ANN) -> None:
        self.sagas.pay(self.initiate(booking_id, user))
