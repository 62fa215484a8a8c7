"""kill -9 of the real server inside every call of a saga: afterwards money, places and words agree.

One server and one pair of emulators live through all of it. For each call of `STEPS` new customers
come, their sagas are held in that call, the server is killed there and started again, and the
customers go on as people do: they try again until they are answered. Then everything comes to rest,
and the tests look at what is left.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import httpx
import orjson
import pytest

from api.demo import initialise
from catalog import demo
from engine import seat_id_of
from engine.domain import event_of_seat
from tests.server.buyer import DECLINED_CARD, GOOD_CARD, Buyer, Cashier, eventually
from tests.server.conftest import FAR_FROM_NOW, MERCHANT
from tests.server.turnstile import Turnstile, When
from torture.servers.child import Server, child
from torture.servers.ports import free_port

pytestmark = pytest.mark.server
STADIUM, OWN = 1, 2
ROWS, SEATS_PER_ROW = 10, 20
HALLS = {
    "halls": {
        name: {
            "rows": ROWS,
            "seats_per_row": SEATS_PER_ROW,
            "sale": sale,
            "zones": [{"name": "Зал", "rows": [1, ROWS], "price_minor": 40_000_00}],
        }
        for name, sale in (("partner's", "partner"), ("ours", "own"))
    },
    "events": {"1": "partner's", "2": "ours"},
}
# What the real provider does to a client that ends an order too early.
REAL_PROVIDER = {"unsettled_place": "leak", "wedge_on_poison": True}
PLACES = "/api/partners/v1/places"
FINAL = {"CONFIRMED", "REFUNDED", "CANCELLED", "REJECTED"}  # in the gateway's words
ANSWERED_SECONDS_MAX = 60
LAST_WORDS = 10_000  # characters of what the servers have logged: some restarts and a traceback


class Story(Enum):
    """What a customer does, and what is to become of it."""

    PAYS = "pays"
    DECLINED = "has a card that is declined"
    CANCELS = "cancels during the payment"
    RETURNS = "returns the paid booking"


class Sale(NamedTuple):
    event_id: int
    story: Story

    def __str__(self) -> str:
        owner = "ours" if self.event_id == OWN else "the partner's"
        return f"{owner}, {self.story.value}"


OWN_PAYS, OWN_DECLINED = Sale(OWN, Story.PAYS), Sale(OWN, Story.DECLINED)
OWN_CANCELS, OWN_RETURNS = Sale(OWN, Story.CANCELS), Sale(OWN, Story.RETURNS)
PAYS, DECLINED = Sale(STADIUM, Story.PAYS), Sale(STADIUM, Story.DECLINED)
CANCELS, RETURNS = Sale(STADIUM, Story.CANCELS), Sale(STADIUM, Story.RETURNS)
SALES = (OWN_PAYS, OWN_DECLINED, OWN_CANCELS, OWN_RETURNS, PAYS, DECLINED, CANCELS, RETURNS)


class Step(NamedTuple):
    """A call of a saga, and the sales that make it.

    Who cancels does so while the call is under way, unless the call comes of cancelling.
    """

    service: str
    route: str
    when: tuple[When, ...]
    sales: tuple[Sale, ...]
    comes_of_cancelling: bool = False


GATEWAY, PROVIDER = "gateway", "provider"
TWICE: tuple[When, ...] = ("before", "after")
THRICE: tuple[When, ...] = ("before", "late", "after")
STEPS = {
    "init": Step(GATEWAY, "/PaymentInit/", THRICE, (OWN_PAYS, PAYS, OWN_CANCELS)),
    "check": Step(GATEWAY, "/PaymentCheck/", TWICE, (OWN_PAYS, PAYS, OWN_DECLINED, DECLINED)),
    "capture": Step(GATEWAY, "/PaymentConfirm/", THRICE, (OWN_PAYS, PAYS)),
    "return": Step(
        GATEWAY,
        "/PaymentCancel/",
        THRICE,
        (OWN_CANCELS, CANCELS, OWN_RETURNS, RETURNS),
        comes_of_cancelling=True,
    ),
    "start": Step(PROVIDER, "POST .*/orders$", TWICE, (PAYS, CANCELS)),
    # Cancelled over a select that never gets there, a sale waits a minute for it: too long here.
    "select": Step(PROVIDER, "/select$", ("before",), (PAYS,)),
    "select and cancel": Step(PROVIDER, "/select$", ("late", "after"), (PAYS, CANCELS)),
    "order": Step(PROVIDER, "GET .*/orders/", TWICE, (PAYS, CANCELS)),
    "submit": Step(PROVIDER, "/submit$", THRICE, (PAYS, CANCELS)),
    "confirm": Step(PROVIDER, "/confirm$", THRICE, (PAYS, RETURNS)),
    "cancel": Step(PROVIDER, "/cancel$", TWICE, (CANCELS, DECLINED), comes_of_cancelling=True),
}
KILLS = [(name, when) for name, step in STEPS.items() for when in step.when]


class Customer:
    """Somebody with one seat in mind, who repeats whatever got no answer."""

    def __init__(self, town: "Town", sale: Sale, seat_id: int) -> None:
        self.sale, self.seat_id = sale, seat_id
        self._town = town
        self.booking_id = town.buyer.book(sale.event_id)
        assert town.buyer.select(self.booking_id, seat_id) == 200
        self._errand: Future[None] | None = None

    def come(self) -> None:
        """Pay, beside whatever others do meanwhile."""
        self._errand = self._town.hands.submit(self._pay)

    def change_mind(self) -> None:
        """Cancel, if that is the story, until the server has said that it is done."""
        if self.sale.story is Story.RETURNS:
            self.be_answered()
            eventually(lambda: self._town.seat_status(self.seat_id), "SOLD")
        if self.sale.story in (Story.CANCELS, Story.RETURNS):
            _persist(lambda: self._town.buyer.cancel(self.booking_id), lambda status: status == 200)

    def be_answered(self) -> None:
        """Wait until paying has come to an end, good or bad."""
        assert self._errand is not None
        self._errand.result(timeout=ANSWERED_SECONDS_MAX)

    def see_submitted(self) -> None:
        """Wait until the provider has given the place."""
        eventually(lambda: self._town.held_there().get(self.seat_id), "SUBMITTED")

    def _pay(self) -> None:
        answer = _persist(
            lambda: self._town.buyer.initiate_payment(self.booking_id),
            lambda answer: answer.status_code in (302, 419),  # 419: cancelled meanwhile
        )
        if answer.status_code == 302 and self.sale.story is not Story.CANCELS:
            if self.sale == DECLINED:
                # Failed before its place was selected, it would wait a minute for it: see STEPS.
                self.see_submitted()
            card = DECLINED_CARD if self.sale.story is Story.DECLINED else GOOD_CARD
            self._town.cashier.pay(answer.headers["location"], card)


_Answer = TypeVar("_Answer")


def _persist(ask: Callable[[], _Answer], is_good: Callable[[_Answer], bool]) -> _Answer:
    """Ask until somebody is there and the answer is good."""
    deadline = time.monotonic() + ANSWERED_SECONDS_MAX
    while True:
        with suppress(httpx.TransportError):
            answer = ask()
            if is_good(answer):
                return answer
        assert time.monotonic() < deadline, "nobody answers"
        time.sleep(0.05)


class Town:
    """The server, the services behind their turnstiles, and everybody who has bought here."""

    def __init__(self, data: Path, log: Path, stack: ExitStack) -> None:
        self._data, self._log, self._stack = data, log, stack
        self._port = free_port()
        self.turnstiles: dict[str, Turnstile] = {}
        self.control: dict[str, httpx.Client] = {}
        for service in (GATEWAY, PROVIDER):
            port = free_port()
            url = self._emulate(service, port)
            self.turnstiles[service] = stack.enter_context(Turnstile(port))
            self.control[service] = stack.enter_context(httpx.Client(base_url=url))
        self.control[PROVIDER].put("/__emu/settings", json=REAL_PROVIDER).raise_for_status()
        listed = self.control[PROVIDER].get(PLACES, params={"pageSize": 1_000}).json()
        self._seat_of_place = {
            place["id"]: seat_id_of(event_id=STADIUM, row=place["row"], number=place["seat"])
            for place in listed
        }
        self.hands = stack.enter_context(ThreadPoolExecutor(8))
        self.server = self._serve()
        self.buyer = stack.enter_context(Buyer(self.server.url))
        self.cashier = Cashier(str(self.control[GATEWAY].base_url))
        stack.enter_context(self.cashier.http)
        self.customers: list[Customer] = []
        self._seats = {event: iter(_seats_of(event)) for event in (STADIUM, OWN)}

    def strike(self, step: Step, when: When) -> int:
        """Kill the server inside the call; returns how many were under way."""
        turnstile = self.turnstiles[step.service]
        turnstile.hold(step.route, when)
        new = [Customer(self, sale, next(self._seats[sale.event_id])) for sale in step.sales]
        self.customers += new
        for customer in new:
            customer.come()
        if step.comes_of_cancelling:
            for customer in new:
                customer.be_answered()
                if customer.sale == CANCELS:
                    customer.see_submitted()
        else:
            eventually(lambda: turnstile.held >= len(new), True)
        for customer in new:
            customer.change_mind()
        eventually(lambda: turnstile.held >= len(new), True)
        under_way = turnstile.held
        self.server.kill()
        turnstile.let_through()
        self.server = self._serve()
        for customer in new:
            customer.be_answered()
        eventually(self._is_nearly_at_rest, True)
        return under_way

    def come_to_rest(self) -> None:
        eventually(lambda: "billetter_payments_unsettled 0.0\n" in self._metrics(), True)

    def revenue_minor(self) -> int:
        """Of both events, as the server tells it."""
        told = [self.buyer.analytics(event)["total_revenue"] for event in (STADIUM, OWN)]
        return sum(int(revenue.replace(".", "")) for revenue in told)

    def seat_status(self, seat_id: int) -> str:
        status: str = self.buyer.seat(event_of_seat(seat_id), seat_id)["status"]
        return status

    def ledger(self) -> dict[str, Any]:
        """Every payment as the gateway knows it, and what it took and gave back in all."""
        ledger: dict[str, Any] = self.control[GATEWAY].get("/__emu/ledger").json()
        return ledger

    def orders(self) -> dict[str, Any]:
        """Every order as it really stands at the provider, and how many places are held there."""
        orders: dict[str, Any] = self.control[PROVIDER].get("/__emu/orders").json()
        return orders

    def held_there(self) -> dict[int, str]:
        """The status of the order that holds a seat at the provider, for each seat in an order."""
        return {
            self._seat_of_place[place]: order["status"]
            for order in self.orders()["orders"]
            for place in order["places"]
        }

    def _is_nearly_at_rest(self) -> bool:
        """But for orders to be cancelled at the provider: after a start that takes ten seconds."""
        statuses = {payment["status"] for payment in self.ledger()["payments"]}
        held = self.held_there()
        bought = [one for one in self.customers if one.sale in (PAYS, RETURNS)]
        return statuses <= FINAL and all(held.get(one.seat_id) == "CONFIRMED" for one in bought)

    def _metrics(self) -> str:
        return httpx.get(f"{self.server.url}/metrics").text

    def _emulate(self, service: str, port: int) -> str:
        url = f"http://127.0.0.1:{port}"
        emulator = child(
            ["emulate", service, "--port", str(port)],
            url=url,
            ready="/__emu/settings",
            log=self._log,
            environment={
                "BILLETTER_EMULATOR_ROWS": str(ROWS),
                "BILLETTER_EMULATOR_SEATS_PER_ROW": str(SEATS_PER_ROW),
            },
        )
        self._stack.enter_context(emulator)
        return url

    def _serve(self) -> Server:
        """Always at the same address: customers and the gateway come back to it."""
        options = ["--data", str(self._data), "--port", str(self._port), *MERCHANT]
        for service, turnstile in self.turnstiles.items():
            options += [f"--{service}-url", turnstile.url]
        url = f"http://127.0.0.1:{self._port}"
        server = child(["serve", *options], url=url, ready="/readyz", log=self._log)
        return self._stack.enter_context(server)


def _seats_of(event_id: int) -> Iterator[int]:
    for row in range(1, ROWS + 1):
        for number in range(1, SEATS_PER_ROW + 1):
            yield seat_id_of(event_id=event_id, row=row, number=number)


class Aftermath(NamedTuple):
    """The town at rest, and how many calls were under way at each kill."""

    town: Town
    data: Path
    under_way: dict[tuple[str, When], int]


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    """What is left after all the kills."""
    directory = tmp_path_factory.mktemp("kills")
    data, log = _initialised(directory), directory / "log"
    with ExitStack() as stack:
        try:
            town = Town(data, log, stack)
            under_way = {(name, when): town.strike(STEPS[name], when) for name, when in KILLS}
            town.come_to_rest()
        except Exception as failure:
            failure.add_note(log.read_text(encoding="utf-8", errors="replace")[-LAST_WORDS:])
            raise
        yield Aftermath(town, data, under_way)


def _initialised(directory: Path) -> Path:
    files = demo.write(directory / "files", today=FAR_FROM_NOW, users=10, events=2, archive=1)
    files.halls.write_bytes(orjson.dumps(HALLS))
    initialise(directory / "data", files, archive=False)
    return directory / "data"


@pytest.mark.parametrize(("name", "when"), KILLS)
def test_every_kill_strikes_inside_the_call(aftermath: Aftermath, name: str, when: When) -> None:
    """Each of the sales was in this very call, on this side of its effect, when the server died."""
    assert len(STEPS[name].sales) <= aftermath.under_way[name, when]


def test_the_money_taken_is_the_revenue(aftermath: Aftermath) -> None:
    """What the gateway has captured and not refunded is what the CONFIRMED bookings are worth."""
    ledger = aftermath.town.ledger()

    assert ledger["captured"] - ledger["refunded"] == aftermath.town.revenue_minor() > 0
    assert FINAL >= {payment["status"] for payment in ledger["payments"]}


def test_the_provider_holds_for_us_what_we_sold_and_nothing_else(aftermath: Aftermath) -> None:
    """A seat that came back after its confirm stays ours there; every other place is free."""
    town = aftermath.town
    ours = [one.seat_id for one in town.customers if one.sale in (PAYS, RETURNS)]

    assert dict.fromkeys(ours, "CONFIRMED") == town.held_there()
    assert len(ours) == town.orders()["places_held"]
    assert not town.orders()["place_consumer_stopped"]


@pytest.mark.parametrize("sale", SALES, ids=str)
def test_customers_find_what_they_were_told(aftermath: Aftermath, sale: Sale) -> None:
    """Who paid has the seat; who cancelled, returned or was declined holds nothing."""
    town = aftermath.town
    told = {one.booking_id: one.seat_id for one in town.customers if one.sale == sale}
    has_seat = sale.story is Story.PAYS
    listed = town.buyer.bookings()

    assert {one: [seat] * has_seat for one, seat in told.items()} == {
        booking_id: listed[booking_id] for booking_id in told
    }
    assert {"SOLD" if has_seat else "FREE"} == {town.seat_status(seat) for seat in told.values()}


def test_the_store_is_good(aftermath: Aftermath) -> None:
    """`billetter verify` finds every checksum, chain and invariant good once the server is gone."""
    aftermath.town.server.kill()
    command = [sys.executable, "-m", "api", "verify", "--data", str(aftermath.data)]

    found = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (0, "good") == (found.returncode, found.stdout.splitlines()[-1]), found.stderr
