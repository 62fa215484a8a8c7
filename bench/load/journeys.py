"""What people do, as locust plays them: a crowd on one concert, a mixed week, archive readers.

A refusal that the rules of the sale foresee (a seat that somebody else has taken) is no failure; it
is counted under a name of its own. `ACCOUNTS` in the environment is a file of users, `TITLES` one
of events.
"""

import os
from itertools import count
from pathlib import Path
from random import choice, randint, random
from typing import Any
from urllib.parse import quote

import orjson
from locust import FastHttpUser, between, task
from locust.contrib.fasthttp import ResponseContextManager

from torture.servers.clients import active_users

CONCERT = 1
EVENTS_ON_SALE = range(2, 1_000)
TRIES = 3  # at a seat, before a buyer looks for another event
PAYING_SHARE = 0.3
CANCELLING_SHARE = 0.2

_ACCOUNTS = active_users(Path(os.environ["ACCOUNTS"]))
_WORDS = sorted(
    {
        word
        for event in orjson.loads(Path(os.environ["TITLES"]).read_bytes())
        for word in event["title"].split()
    }
)
_turn = count()


class Person(FastHttpUser):
    """Has an account of its own, as long as there are enough of them."""

    abstract = True
    wait_time = between(0.5, 2)

    def on_start(self) -> None:
        account = _ACCOUNTS[next(_turn) % len(_ACCOUNTS)]
        self._headers = {"Authorization": f"Basic {account.authorization}"}

    def get(self, path: str, name: str) -> Any:
        """What a GET answers, decoded; None where it failed."""
        with self.client.get(path, name=name, headers=self._headers, catch_response=True) as answer:
            return _told(answer, {200})

    def change(self, method: str, path: str, *, refusals: set[int], **body: int) -> Any:
        """What is answered, decoded; None for a refusal, foreseen or not."""
        with self.client.request(
            method,
            path,
            json=body,
            headers=self._headers,
            allow_redirects=False,
            catch_response=True,
        ) as answer:
            if answer.status_code in refusals:
                answer.request_meta["name"] += f", refused: {answer.status_code}"
                answer.success()
                return None
            return _told(answer, {200, 201, 302})

    def buy(self, event_id: int, seats: int) -> None:
        """A basket, seats that are shown as FREE, and then one of the ways it can end."""
        booking = self.change("POST", "/api/bookings", refusals=set(), event_id=event_id)
        if booking is None:
            return
        booking_id = booking["id"]
        held = [one for _ in range(seats) if (one := self._hold(event_id, booking_id))]
        if held and random() < PAYING_SHARE:
            self._pay(booking_id)
        elif held and random() < CANCELLING_SHARE:
            path = "/api/bookings/cancel"
            self.change("PATCH", path, refusals=set(), booking_id=booking_id)
        elif held:
            self.change("PATCH", "/api/seats/release", refusals={419}, seat_id=held[0])

    def _hold(self, event_id: int, booking_id: int) -> int | None:
        """The id of a seat that is held now."""
        for _ in range(TRIES):
            free = self.get(f"/api/seats?event_id={event_id}&status=FREE", "/api/seats FREE")
            if not free:
                return None
            seat_id: int = free[0]["id"]
            path, ids = "/api/seats/select", {"booking_id": booking_id, "seat_id": seat_id}
            if self.change("PATCH", path, refusals={419}, **ids):
                return seat_id
        return None

    def _pay(self, booking_id: int) -> None:
        """The customer comes to the gateway's page; there a webhook tells us of the card."""
        path = "/api/bookings/initiatePayment"
        page = self.change("PATCH", path, refusals={419, 503}, booking_id=booking_id)
        if page is not None:
            gateway, _, payment = page["location"].partition("/api/v1/paymentform/render/")
            self.client.post(
                f"{gateway}/__emu/payments/{payment}/pay",
                name="gateway: pay",
                json={"mode": "closed"},
            )


class ConcertCrowd(Person):
    """Everybody wants the one concert, and looks at its seats again and again."""

    weight = 6

    @task(3)
    def look(self) -> None:
        self.get(f"/api/seats?event_id={CONCERT}&page={randint(1, 50)}", "/api/seats")

    @task(2)
    def buy_one(self) -> None:
        self.buy(CONCERT, seats=1)


class MixedWeek(Person):
    """Somebody finds an event of the week, reads about it, buys a few seats, looks at them."""

    weight = 3

    @task
    def go_out(self) -> None:
        self.get(f"/api/events?query={quote(choice(_WORDS))}", "/api/events query")
        event_id = choice(EVENTS_ON_SALE)
        self.get(f"/x/events/{event_id}", "/x/events")
        self.buy(event_id, seats=randint(1, 4))
        self.get("/api/bookings", "/api/bookings")

    @task
    def look_back(self) -> None:
        self.get("/api/bookings", "/api/bookings")
        self.get(f"/api/analytics?id={choice(EVENTS_ON_SALE)}", "/api/analytics")


class ArchiveReader(Person):
    """Looks for what has been: words nobody has asked for together, and pages far away."""

    weight = 1

    @task(3)
    def search(self) -> None:
        query = quote(f"{choice(_WORDS)} {choice(_WORDS)}")
        self.get(f"/api/events?query={query}", "/api/events query")

    @task
    def leaf(self) -> None:
        self.get(f"/api/events?page={randint(1, 500)}&pageSize=20", "/api/events page")


def _told(answer: ResponseContextManager, expected: set[int]) -> Any:
    """The decoded body, or where a redirect leads; None, and a failure, for another status."""
    if answer.status_code not in expected:
        answer.failure(f"{answer.status_code}")  # type: ignore[no-untyped-call]
        return None
    answer.success()  # type: ignore[no-untyped-call]
    if answer.status_code == 302:
        assert answer.headers is not None
        return {"location": answer.headers["location"]}
    return orjson.loads(answer.content or b"{}")
