"""What a buyer does, in a buyer's words, over HTTP."""

import time
from collections.abc import Callable
from typing import Any, Self

import httpx

from catalog import demo

SETTLED_SECONDS_MAX = 30


class Buyer:
    """One user with a basket. Every method asserts nothing; it returns what was answered."""

    def __init__(self, url: str, email: str = demo.EMAIL, password: str = demo.PASSWORD) -> None:
        self.http = httpx.Client(base_url=url, auth=(email, password), timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def book(self, event_id: int) -> int:
        answer = self.http.post("/api/bookings", json={"event_id": event_id})
        answer.raise_for_status()
        booking_id: int = answer.json()["id"]
        return booking_id

    def bookings(self) -> dict[int, list[int]]:
        """Seat ids by booking id."""
        listed = self.http.get("/api/bookings").json()
        return {one["id"]: [seat["id"] for seat in one["seats"]] for one in listed}

    def seats(self, event_id: int, **query: Any) -> list[dict[str, Any]]:
        answer = self.http.get("/api/seats", params={"event_id": event_id, **query})
        answer.raise_for_status()
        seats: list[dict[str, Any]] = answer.json()
        return seats

    def seat(self, event_id: int, seat_id: int) -> dict[str, Any]:
        """One seat as the hall shows it; the id tells its row and number."""
        row, number = divmod(seat_id % 10_000_000, 10_000)
        page, place = divmod(number - 1, 20)
        return self.seats(event_id, row=row, page=page + 1)[place]

    def select(self, booking_id: int, seat_id: int) -> int:
        body = {"booking_id": booking_id, "seat_id": seat_id}
        return self.http.patch("/api/seats/select", json=body).status_code

    def release(self, seat_id: int) -> int:
        return self.http.patch("/api/seats/release", json={"seat_id": seat_id}).status_code

    def cancel(self, booking_id: int) -> int:
        body = {"booking_id": booking_id}
        return self.http.patch("/api/bookings/cancel", json=body).status_code

    def initiate_payment(self, booking_id: int) -> httpx.Response:
        body = {"booking_id": booking_id}
        return self.http.patch("/api/bookings/initiatePayment", json=body)

    def hold(self, event_id: int, seats: int = 1) -> tuple[int, list[int]]:
        """A booking that holds the first free seats dealt: (booking id, seat ids)."""
        booking_id = self.book(event_id)
        free = [seat["id"] for seat in self.seats(event_id, status="FREE")[:seats]]
        for seat_id in free:
            assert self.select(booking_id, seat_id) == 200
        return booking_id, free

    def analytics(self, event_id: int) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.get("/api/analytics", params={"id": event_id}).json()
        return answer


GOOD_CARD = "4111111111111111"
DECLINED_CARD = "4000000000000002"


class Cashier:
    """The customer's browser at the emulated gateway."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def pay(self, location: str, card: str = GOOD_CARD) -> None:
        """Fill in the card form and follow the redirect, as a browser does."""
        payment_id = location.rsplit("/", 1)[1]
        body = {"card": card, "mode": "server"}
        self.http.post(f"/__emu/payments/{payment_id}/pay", json=body).raise_for_status()

    def payment(self, location: str) -> dict[str, Any]:
        payment_id = location.rsplit("/", 1)[1]
        payments = self.http.get("/__emu/ledger").json()["payments"]
        found: dict[str, Any] = next(one for one in payments if one["payment_id"] == payment_id)
        return found


def eventually(question: Callable[[], Any], expected: Any) -> None:
    """Ask until the answer is as expected; sagas run behind the replies."""
    deadline = time.monotonic() + SETTLED_SECONDS_MAX
    answer = question()
    while answer != expected and time.monotonic() < deadline:
        time.sleep(0.05)
        answer = question()
    assert expected == answer
