"""`billetter audit`: all that has happened to one seat or one booking, a line a record."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from api import request_log
from api.request_log import Request
from api.store import StoreError
from api.timeline import instant
from engine import BookingStatus, SeatStatus
from engine.audit import Audit, Standing, Step, audit_booking, audit_seat, seats_of
from engine.domain import EVENT_ID_MAX, event_of_booking, event_of_seat, place_of_seat
from engine.keys import NOBODY
from engine.mutations import PaymentRegistered, SeatAdmitted, SeatSelected, SeatsSelected
from engine.store import STORE_FAULTS, StoreMoved

SUBJECTS = ("seat", "booking")
# What one request logs while it is made is one record; a refused one has seen that of another.
_DONE = range(200, 400)


def lines(data: Path, subject: str, number: int) -> Iterator[str]:
    """The whole history in words; raises StoreError."""
    event_id = event_of_seat(number) if subject == "seat" else event_of_booking(number)
    if not 1 <= event_id <= EVENT_ID_MAX:
        raise StoreError(f"{number} is no id of a {subject}")
    audited = _audited(data, subject, number)
    requests = requests_of(data, audited.steps)
    yield _title(subject, number, event_id)
    yield _beginning(audited)
    for step in audited.steps:
        yield _told(step)
        if (request := requests.get(step.lsn)) is not None:
            yield _asked(request)
    yield _end(audited)


def requests_of(data: Path, steps: list[Step]) -> Mapping[int, Request]:
    """Of those records that a logged request has made, the request."""
    users = {step.lsn: _asking(step) for step in steps}
    found: dict[int, Request] = {}
    for request in request_log.read(data):
        if users.get(request.lsn) == request.user and _may_make_records(request):
            found.setdefault(request.lsn, request)  # a later one has only seen it
    return found


def _asking(step: Step) -> int:
    """The user who has asked for it; the door is no user, and lets others in."""
    return NOBODY if isinstance(step.effect, SeatAdmitted) else step.user_id


def _may_make_records(request: Request) -> bool:
    return request.method != "GET" and request.status in _DONE


def _audited(data: Path, subject: str, number: int) -> Audit:
    audit = audit_seat if subject == "seat" else audit_booking
    try:
        return audit(data, number)
    except StoreMoved as moved:
        raise StoreError(f"{data}: {moved}") from None
    except STORE_FAULTS as fault:
        raise StoreError(f"{data}: {fault}; billetter verify says more") from None


def _title(subject: str, number: int, event_id: int) -> str:
    if subject == "booking":
        return f"booking {number} of event {event_id}"
    row, at = place_of_seat(number)
    return f"seat {number}: event {event_id}, row {row}, number {at}"


def _beginning(audited: Audit) -> str:
    if not audited.after_lsn:
        return "The log is whole: all that has ever happened is here."
    before = _standing(audited.before)
    return (
        f"The log is known after record {audited.after_lsn} ({instant(audited.at_ms)}); what came"
        f" before is dropped. There it was {before}."
    )


def _end(audited: Audit) -> str:
    last = audited.steps[-1].after if audited.steps else audited.before
    return f"As of record {audited.last_lsn} it is {_standing(last)}."


def _told(step: Step) -> str:
    effect = step.effect
    ids = {"booking": step.booking_id, "user": step.user_id, "order": step.order_id}
    told = [f"{name} {number}" for name, number in ids.items() if number]
    if isinstance(effect, PaymentRegistered):
        told.append(f"the gateway's payment {effect.payment_id}")
    if order := getattr(effect, "provider_order", ""):
        told.append(f"the provider's order {order}")
    if seats := seats_of(effect):
        until = ""
        if isinstance(effect, SeatSelected | SeatsSelected):
            until = f" until {instant(effect.expires_at_ms)}"
        told.append(f"seat {' '.join(map(str, seats))}{until}")
    if reason := getattr(effect, "reason", ""):
        told.append(f"because {reason!r}")
    if step.key:
        told.append(f"key {step.key!r}")
    what = type(effect).__name__
    return (
        f"{instant(effect.at_ms)}  record {step.lsn}  {what}: {', '.join(told)}"
        f" -> {_standing(step.after)}"
    )


def _asked(request: Request) -> str:
    return (
        f"    asked by {request.method} {request.path}, answered {request.status} in"
        f" {request.ms} ms, request {request.id} from {request.client or 'nobody known'}"
    )


def _standing(standing: Standing) -> str:
    if standing.status is None:
        return "not there"
    if isinstance(standing.status, SeatStatus):
        holder = f" by booking {standing.booking_id} of user {standing.user_id}"
        return standing.status.name + (holder if standing.booking_id else "")
    if standing.status is BookingStatus.CANCELLED:
        return standing.status.value
    seats = ", ".join(map(str, standing.seats)) or "no seats"
    return f"{standing.status.value} with {seats}"
