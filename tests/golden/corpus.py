"""Small data directories as each format of the past has written them; they are read for ever.

`python -m tests.golden.corpus tests/golden/NUMBER "what is new"` writes one with the code as it
stands. Do so whenever what is written changes, before the change is merged, and never change one.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine import Engine, Event, Hall, Key, Sale, Zone, seat_id_of
from engine.snapshotter import make_snapshot

NOW_MS = 1_800_000_000_000
HOUR_MS = 3_600_000
ANN, BOB = 1, 2
OWN, PARTNER = 3, 5
HALL = Hall(2, 10, (Zone("партер", 1, 1, 500_000), Zone("балкон", 2, 2, 200_000)))
EVENTS = [
    Event(OWN, NOW_MS + 100 * HOUR_MS, HALL),
    Event(PARTNER, NOW_MS + 100 * HOUR_MS, HALL, Sale.PARTNER),
]
SEGMENT_BYTES_MAX = 4096 + 8 * 512
COMMANDS_PER_BATCH = 3
EXPECTED = "expected.json"


class Told:
    """A story told to an engine on disk."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now_ms = NOW_MS
        self._commands = 0

    def __call__(self, command: str, **told: Any) -> Any:
        self.now_ms += 1_000
        answer = getattr(self.engine, command)(**told, now_ms=self.now_ms)
        self._commands += 1
        if self._commands % COMMANDS_PER_BATCH == 0:
            self.engine.flush()
        return answer

    def hold(self, user_id: int, event_id: int, *numbers: int) -> int:
        """A booking of these seats of row 1."""
        booking_id: int = self("create_booking", user_id=user_id, event_id=event_id)
        for number in numbers:
            seat_id = seat_id_of(event_id=event_id, row=1, number=number)
            self("select_seat", user_id=user_id, booking_id=booking_id, seat_id=seat_id)
        return booking_id

    def pay(self, user_id: int, booking_id: int, *steps: str) -> int:
        """An attempt to pay, and what is told of it."""
        order_id: int = self("initiate_payment", user_id=user_id, booking_id=booking_id)
        more = {
            "register_payment": {
                "payment_id": f"pay-{order_id}",
                "url": f"https://gateway.example/{order_id}",
            },
            "start_reservation": {"provider_order": f"their-{order_id}"},
            "park_payment": {"reason": "capture: HTTP 400"},
            "park_reservation": {"reason": "confirm: CANCELLED"},
        }
        for step in steps:
            if hasattr(self.engine, step):  # what is told later wasn't known from the beginning
                self(step, order_id=order_id, **more.get(step, {}))
        return order_id


SALE = ("register_payment", "authorize_payment", "capture_payment")
PLACES = ("start_reservation", "submit_reservation")


def tell(engine: Engine, sealed: Any = lambda: None) -> None:
    """Something of everything; `sealed` is called twice on the way."""
    told = Told(engine)
    told.pay(ANN, told.hold(ANN, OWN, 9), "register_payment", "authorize_payment")
    told("reset", key=Key("reset", b"reset"))
    told.pay(ANN, told.hold(ANN, OWN, 1, 2), *SALE)
    told.pay(BOB, told.hold(BOB, OWN, 3), "register_payment", "fail_payment")
    told("create_booking", user_id=BOB, event_id=OWN, key=Key("again", b"again"))
    sealed()
    told.pay(ANN, told.hold(ANN, PARTNER, 1), *PLACES, *SALE, "confirm_reservation")
    told.pay(BOB, told.hold(BOB, PARTNER, 2), *PLACES, *SALE, "park_reservation")
    told.pay(BOB, told.hold(BOB, PARTNER, 3), "start_reservation", "refuse_reservation")
    told.pay(ANN, told.hold(ANN, PARTNER, 4), "start_reservation", "doubt_reservation")
    sealed()
    refunded = told.hold(ANN, OWN, 5)
    told.pay(ANN, refunded, *SALE)
    told("cancel_booking", user_id=ANN, booking_id=refunded)
    told.pay(ANN, told.hold(ANN, OWN, 6), "refuse_payment")
    told.pay(BOB, told.hold(BOB, OWN, 7), *SALE[:2], "park_payment")
    if hasattr(engine, "admit_seat"):
        admitted = told.hold(ANN, OWN, 10)
        told.pay(ANN, admitted, *SALE)
        tenth = seat_id_of(event_id=OWN, row=1, number=10)
        told("admit_seat", booking_id=admitted, seat_id=tenth)
    told.hold(BOB, OWN, 8)
    released = seat_id_of(event_id=OWN, row=1, number=8)
    told("release_seat", user_id=BOB, seat_id=released, key=Key("release", b"release"))
    told.hold(BOB, PARTNER, 9)
    if hasattr(engine, "select_together"):
        together = told("create_booking", user_id=ANN, event_id=OWN)
        told("select_together", user_id=ANN, booking_id=together, count=3, zone="балкон")
    told.now_ms += HOUR_MS
    told("expire_due", at_most=1)
    if hasattr(engine, "check_state"):
        told("check_state")


def facts(engine: Engine) -> Mapping[str, Any]:
    """What is true of the story's end, in words that no format changes."""
    bookings = [one for user_id in (ANN, BOB) for one in engine.bookings_of(user_id)]
    payments = [engine._state.payments[order_id] for order_id in sorted(engine._state.payments)]
    return {
        "bookings": [
            [
                one.booking_id,
                one.user_id,
                str(one.status),
                one.expires_at_ms,
                one.order_id,
                one.seats,
            ]
            for one in bookings
        ],
        "payments": [
            [
                one.order_id,
                str(one.status),
                one.amount_minor,
                one.payment_id,
                one.reservation and [str(one.reservation.status), one.reservation.provider_order],
            ]
            for one in payments
        ],
        "unsettled": sorted(engine.unsettled()),
        # Older directories know of none, and say nothing.
        **({"admitted": admitted} if (admitted := _admitted(engine)) else {}),
        "analytics": [list(engine.analytics(event_id)) for event_id in (OWN, PARTNER)],
    }


def _admitted(engine: Engine) -> list[list[int]]:
    shards = [engine._state.shards[event_id] for event_id in (OWN, PARTNER)]
    return [[*one] for shard in shards for one in sorted(shard.admitted.items())]


def write(directory: Path, about: str) -> None:
    """Tell the story to a new store, with two snapshots on the way; no log is dropped."""
    directory.mkdir()
    Engine.create(directory, store_id=b"golden store id!")
    engine = Engine.open(directory, EVENTS, segment_bytes_max=SEGMENT_BYTES_MAX)

    def sealed() -> None:
        engine.seal_log()
        engine.flush()
        make_snapshot(directory)

    tell(engine, sealed)
    expected = {"about": about, "lsn": engine.durable_lsn, **facts(engine)}
    engine.close()
    for lock in directory.rglob("LOCK"):
        lock.unlink()
    text = json.dumps(expected, indent=1, ensure_ascii=False)
    (directory / EXPECTED).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2])
