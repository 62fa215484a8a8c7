"""What must be true of a world that has come to rest, whatever has happened in it."""

from collections.abc import Iterator

from emulators.gateway.payments import Status
from emulators.provider.orders import OrderStatus
from engine import BookingStatus, Engine, Payment, PaymentStatus, SeatStatus
from engine.domain import RESERVATION_SETTLED
from engine.dump import digest
from engine.recorded import replay
from torture.simulation.history import Basket
from torture.simulation.world import World

EVERY_SEAT = 1_000


def is_at_rest(world: World) -> bool:
    """Nobody is owed what can be had, and nothing is held for those who haven't paid."""
    engine = world.server.engine
    held = any(True for _ in _held_for_nothing(world))
    return not held and not any(_owing(world)) and not any(_seats(engine, SeatStatus.RESERVED))


def faults_at_rest(world: World) -> Iterator[str]:
    """All that is wrong, in words; the server is still up."""
    engine = world.server.engine
    engine.check_invariants()
    for payment in _owing(world):
        yield f"payment {payment.order_id} is never settled: {_shown(payment)}"
    for seat_id in _seats(engine, SeatStatus.RESERVED):
        yield f"seat {seat_id} stays RESERVED"
    yield from _money_faults(world, engine)
    yield from _place_faults(world, engine)
    yield from broken_promises(world)
    for basket in _baskets(world):
        yield from _liveness_faults(world, engine, basket)


def broken_promises(world: World) -> Iterator[str]:
    """What customers were told is still so, unless they have changed it: at any moment."""
    for basket in _baskets(world):
        yield from _told_faults(world.server.engine, basket)


def faults_of_recovery(world: World) -> Iterator[str]:
    """The server has stopped: its log alone makes the state that was in memory."""
    log = world.disk.open()
    state = replay(log.recover())
    log.close()
    state.check_invariants()
    if digest(state) != world.server.engine.digest():
        yield "a replay of the log makes another state"


def _money_faults(world: World, engine: Engine) -> Iterator[str]:
    """What the gateway has taken and kept is, payment by payment, the price of tickets.

    Where it gives nothing back, it may also be money that we say is owed.
    """
    ledger = world.desk.book.ledger()
    kept = {int(row["order_id"]): row["captured"] - row["refunded"] for row in ledger["payments"]}
    revenue = owed = 0
    for payment in _payments(engine):
        booking = engine.booking(payment.booking_id)
        is_sold = (
            booking is not None
            and booking.order_id == payment.order_id
            and booking.status is BookingStatus.CONFIRMED
        )
        price = payment.amount_minor if is_sold else 0
        revenue += price
        taken = kept.get(payment.order_id, 0)
        if _is_owed_in_vain(world, payment) and taken == payment.amount_minor:
            owed += taken
        elif taken != price:
            yield f"payment {payment.order_id}: {taken} kept for tickets of {price}"
    taken = ledger["captured"] - ledger["refunded"]
    told = sum(engine.analytics(event.event_id).revenue_minor for event in world.events)
    if not taken - owed == revenue == told:
        yield f"{taken} kept, {owed} owed, {revenue} of confirmed bookings, and we tell of {told}"
    for order_id in _held_for_nothing(world):
        yield f"payment {order_id}: the customer's money is held for nothing"


def _held_for_nothing(world: World) -> Iterator[int]:
    """Payments whose money the gateway holds, and nobody will take it or give it back."""
    for held in world.desk.book.active():
        if held.status is Status.AUTHORIZED and not held.captured:
            payment = world.server.engine.payment(int(held.order_id))
            if payment is None or not _is_owed_in_vain(world, payment):
                yield int(held.order_id)


def _is_owed_in_vain(world: World, payment: Payment) -> bool:
    """Parked, because this gateway cancels nothing: an operator sees it, and we go on trying."""
    can_cancel = not world.trouble.gateway.cancel_broken
    return payment.status is PaymentStatus.RETURN_DUE and bool(payment.parked) and not can_cancel


def _place_faults(world: World, engine: Engine) -> Iterator[str]:
    """What we have sold or own is ours at the provider, and nothing else is held for us."""
    office = world.office
    office.catch_up()
    if office.pipeline.places.stopped:
        yield "the provider's consumer is stopped"
    strangers = {order_id for stranger in world.strangers for order_id in stranger.orders}
    ours = {order["id"]: order["status"] for order in office.orders()}
    for order_id in strangers:
        del ours[order_id]
    for order_id, status in ours.items():
        if status is OrderStatus.SUBMITTED:
            yield f"the provider's order {order_id} is left SUBMITTED"
    owned, sold = _owned(engine), set(_seats(engine, SeatStatus.SOLD))
    for seat_id, place_id in world.places().items():
        place = office.venue.find(place_id)
        assert place is not None
        status = ours.get(place.order_id or "")
        if seat_id in sold and status is not OrderStatus.CONFIRMED:
            yield f"seat {seat_id} is SOLD, and at the provider it isn't ours"
        if seat_id in owned and status is not OrderStatus.CONFIRMED:
            yield f"seat {seat_id} is counted as ours, and at the provider it isn't"
        if status is not None and seat_id not in owned:
            yield f"seat {seat_id} is held for nothing by our order {place.order_id}, {status}"


def _told_faults(engine: Engine, basket: Basket) -> Iterator[str]:
    booking = engine.booking(basket.booking_id)
    if booking is None or booking.user_id != basket.user_id:
        yield f"booking {basket.booking_id} was acknowledged, and there is none"
        return
    status, seats = booking.status, set(booking.seats)
    if basket.is_cancelled and status is not BookingStatus.CANCELLED:
        yield f"{basket} was told to be cancelled, and is {status}"
    if status is not BookingStatus.CANCELLED and not (
        basket.held <= seats <= basket.held | basket.maybe
    ):
        yield f"{basket} is {status} with the seats {seats}"
    if basket.may_be_cancelled or not basket.ticket:
        return
    if status is not BookingStatus.CONFIRMED or basket.ticket != seats:
        yield f"{basket} has a ticket, and is {status} with the seats {seats}"


def _liveness_faults(world: World, engine: Engine, basket: Basket) -> Iterator[str]:
    """A judge who only looks for what is wrong would be content if nothing were ever sold."""
    booking = engine.booking(basket.booking_id)
    is_sold = booking is not None and booking.status is BookingStatus.CONFIRMED
    deserves_it = basket.is_plainly_paid and not basket.may_be_cancelled
    if world.trouble.is_absent and deserves_it and not is_sold:
        yield f"{basket} was paid for without any trouble, and isn't sold"


def _baskets(world: World) -> Iterator[Basket]:
    """Those that no reset has taken away."""
    return (one for one in world.history.baskets if one.begun_s > world.last_reset_s)


def _owing(world: World) -> Iterator[Payment]:
    engine = world.server.engine
    for payment in map(engine.payment, engine.unsettled()):
        assert payment is not None
        reservation = payment.reservation
        are_places_settled = reservation is None or reservation.status in RESERVATION_SETTLED
        if not (are_places_settled and _is_owed_in_vain(world, payment)):
            yield payment


def _seats(engine: Engine, status: SeatStatus) -> Iterator[int]:
    for event_id in engine._state.shards:
        for view in engine.seats(
            event_id=event_id, status=status, row=None, offset=0, limit=EVERY_SEAT
        ):
            yield view.seat_id


def _payments(engine: Engine) -> list[Payment]:
    return list(engine._state.payments.values())


def _owned(engine: Engine) -> set[int]:
    return {seat_id for shard in engine._state.shards.values() for seat_id in shard.owned}


def _shown(payment: Payment) -> str:
    reservation = payment.reservation
    parked = payment.parked or (reservation.parked if reservation else "")
    return f"{payment.status} {reservation.status if reservation else '-'} {parked}"
