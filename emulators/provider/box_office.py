"""The provider itself: every command, and what its two consumers make of each.

A command looks only at the write side and is decided at once. What readers see, and whether a
selected place has joined its order, follows later through the pipeline. Two aggregates are never
changed by one command; that is where the odd corners of the real service come from.
"""

import random
import uuid
from typing import Any, cast

from starlette.requests import Request

from emulators.knobs import Panel
from emulators.provider.errors import Broken, Conflict
from emulators.provider.foreign import ForeignPartner
from emulators.provider.knobs import PROFILES, ProviderKnobs
from emulators.provider.orders import CANCELLABLE, Order, OrderStatus, first_view
from emulators.provider.pipeline import Effect, Pipeline, Poison
from emulators.provider.settings import ProviderSettings
from emulators.provider.venue import Place, Venue


class BoxOffice:
    """Everything one running provider knows."""

    def __init__(self, settings: ProviderSettings) -> None:
        self.settings = settings
        self.panel: Panel[ProviderKnobs] = Panel(
            settings.knobs, profiles=PROFILES, seed=settings.seed, now=settings.now
        )
        # Not by the seed alone: after a restart an id must not come back that a client still
        # remembers from before, or its late cancel would hit a stranger's order.
        self._chance = random.Random(f"orders:{settings.seed}:{settings.now()}")
        self._accidents = random.Random(f"accidents:{settings.seed}")
        self.reset()

    def reset(self) -> None:
        """As just started: every place free, no order. Knobs stay."""
        settings = self.settings
        self.venue = Venue(
            rows=settings.rows, seats_per_row=settings.seats_per_row, seed=settings.seed
        )
        self.pipeline = Pipeline(self.panel)
        self.foreign = ForeignPartner(self, settings.seed)
        self._orders: dict[str, Order] = {}

    def catch_up(self) -> None:
        """Let the consumers, and the foreign partner, work up to the present."""
        now_us = self._now_us()
        self.pipeline.catch_up(now_us)
        self.foreign.act(now_us, per_s=self.panel.knobs.foreign_per_s)

    def start(self) -> str:
        """A new order; readers see it after the lag. Raises Broken when no more are kept."""
        if len(self._orders) >= self.settings.orders_max:
            raise Broken
        order = Order(self._new_uuid(), self._now_us())
        self._orders[order.order_id] = order
        self._tell_orders(order, lambda at_us: self._project_start(order))
        return order.order_id

    def order_view(self, order_id: str) -> dict[str, Any] | None:
        """What readers see of an order; None also for one that is not projected yet."""
        order = self._orders.get(order_id)
        return None if order is None else order.view

    def select(self, place_id: str, order_id: str) -> None:
        """Hold a place for an order. Repeated for the same order: a conflict like any other."""
        self._collide()
        place, order = self._place(place_id), self._order(order_id)
        if order.status is not OrderStatus.STARTED:
            raise Conflict
        if place.order_id is not None:
            raise self._beaten_to(place)
        place.order_id = order_id
        place.selected_at_us = self._now_us()
        self._tell_places(place, lambda at_us: self._consume_selected(place, order, at_us))

    def release(self, place_id: str) -> None:
        """Take a place out of the order that holds it, whoever's that is: nobody is asked."""
        self._collide()
        place = self._place(place_id)
        if place.order_id is None:
            raise Broken
        order = self._order(place.order_id)
        if order.status is not OrderStatus.STARTED:
            raise Conflict
        if place_id not in order.places:
            raise Conflict
        order.places.remove(place_id)
        self._tell_orders(order, lambda at_us: self._consume_removed(order, place, at_us))

    def submit(self, order_id: str) -> None:
        """Close the order with the places that have joined it so far, which may not be all."""
        self._collide()
        order = self._order(order_id)
        if order.status is not OrderStatus.STARTED or not order.places:
            raise Conflict
        self._change(order, OrderStatus.SUBMITTED)

    def confirm(self, order_id: str) -> None:
        """Sell the order's places, for good."""
        self._collide()
        order = self._order(order_id)
        if order.status is not OrderStatus.SUBMITTED:
            raise Conflict
        self._change(order, OrderStatus.CONFIRMED)

    def cancel(self, order_id: str) -> None:
        """Give the order up. Its places are free only when the news has arrived."""
        self._collide()
        order = self._order(order_id)
        if order.status not in CANCELLABLE:
            raise Conflict
        places = [self._place(place_id) for place_id in sorted(order.places)]
        order.status = OrderStatus.CANCELLED
        order.places.clear()
        self._tell_orders(order, lambda at_us: self._consume_cancelled(order, places, at_us))

    def create_place(self, *, row: int, seat: int) -> str:
        """A new free place; readers see it after the lag. Raises Broken when no more are kept."""
        if len(self.venue) >= self.settings.places_max:
            raise Broken
        place = self.venue.add(self._new_uuid(), row=row, seat=seat)
        self._tell_places(place, lambda at_us: self.venue.show(place))
        return place.place_id

    def orders(self) -> list[dict[str, Any]]:
        """The write side of every order, for tests."""
        return [
            {
                "id": order.order_id,
                "status": order.status,
                "started_at": order.started_at_us // 1000,
                "places": sorted(order.places),
            }
            for order in self._orders.values()
        ]

    # What the consumer of place messages does.

    def _consume_selected(self, place: Place, order: Order, at_us: int) -> None:
        place.row["is_free"] = False
        if order.status is not OrderStatus.STARTED:
            self._digest_late_place(place, at_us)
            raise Poison
        order.places.add(place.place_id)
        self._tell_orders(order, lambda at_us: self._project(order, at_us, places=1), at_us=at_us)

    def _digest_late_place(self, place: Place, at_us: int) -> None:
        """The order has gone on without this place: nobody will ever release it."""
        knobs = self.panel.knobs
        if knobs.unsettled_place == "free" and not knobs.wedge_on_poison:
            self._free(place, at_us)

    def _consume_released(self, place: Place) -> None:
        place.row["is_free"] = True

    # What the consumer of order messages does.

    def _project_start(self, order: Order) -> None:
        order.view = first_view(order)

    def _consume_removed(self, order: Order, place: Place, at_us: int) -> None:
        self._project(order, at_us, places=-1)
        self._free(place, at_us)

    def _consume_cancelled(self, order: Order, places: list[Place], at_us: int) -> None:
        self._project(order, at_us, places=-len(places), status=OrderStatus.CANCELLED)
        for place in places:
            self._free(place, at_us)

    def _project(
        self, order: Order, at_us: int, *, places: int = 0, status: OrderStatus | None = None
    ) -> None:
        assert order.view is not None  # its start has the lowest revision, so it came first
        # The real read side does not know a message it has counted already.
        twice = places != 0 and self._strikes(self.panel.knobs.duplicate_event_rate)
        order.view["places_count"] += 2 * places if twice else places
        order.view["updated_at"] = at_us // 1000
        if status is not None:
            order.view["status"] = status

    def _free(self, place: Place, at_us: int) -> None:
        place.order_id = None
        self._tell_places(place, lambda at_us: self._consume_released(place), at_us=at_us)

    def _change(self, order: Order, status: OrderStatus) -> None:
        order.status = status
        self._tell_orders(order, lambda at_us: self._project(order, at_us, status=status))

    def _tell_places(self, place: Place, effect: Effect, at_us: int | None = None) -> None:
        place.revision += 1
        at_us = self._now_us() if at_us is None else at_us
        self.pipeline.publish(self.pipeline.places, effect, at_us=at_us, revision=place.revision)

    def _tell_orders(self, order: Order, effect: Effect, at_us: int | None = None) -> None:
        order.revision += 1
        at_us = self._now_us() if at_us is None else at_us
        self.pipeline.publish(self.pipeline.orders, effect, at_us=at_us, revision=order.revision)

    def _collide(self) -> None:
        """Two writers of one revision: the second fails, and the real service calls that a 500."""
        if self._strikes(self.panel.knobs.conflict_500_rate):
            raise Broken

    def _beaten_to(self, place: Place) -> Exception:
        """A conflict, or, when both asked at once, what is left of the real service's race."""
        race_us = self.panel.knobs.race_ms * 1000
        return Broken() if self._now_us() - place.selected_at_us < race_us else Conflict()

    def _strikes(self, rate: float) -> bool:
        return rate > 0 and self._accidents.random() < rate

    def _place(self, place_id: str) -> Place:
        place = self.venue.find(place_id)
        if place is None:
            raise Broken
        return place

    def _order(self, order_id: str) -> Order:
        order = self._orders.get(order_id)
        if order is None:
            raise Broken
        return order

    def _new_uuid(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

    def _now_us(self) -> int:
        return round(self.settings.now() * 1e6)


def office_of(request: Request) -> BoxOffice:
    """The box office, with everything consumed that is due by now."""
    office = cast(BoxOffice, request.app.state.office)
    office.catch_up()
    return office
