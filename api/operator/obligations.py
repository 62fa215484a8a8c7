"""What the outside is still owed, for the operator: on this machine only, like the metrics."""

from collections.abc import Mapping, Sequence

from api.endpoint import Call
from api.operator.access import require_operator
from api.reply import Reply, json_reply
from api.seats import money
from api.timeline import instant
from engine import Payment

# A longer list is no list for a person; the count is always the whole.
PARKED_SHOWN_MAX = 1_000


def show_obligations(call: Call[None]) -> Reply:
    """How much is owed, whether both services answer, and what no retry will mend."""
    require_operator(call)
    sagas = call.service.sagas
    return json_reply(
        shown(sagas.unsettled_payments(), sagas.answering(), parked_max=PARKED_SHOWN_MAX)
    )


def retry_parked(call: Call[None]) -> Reply:
    """The operator has mended something: try everything that is parked at once."""
    require_operator(call)
    return json_reply({"retried": call.service.sagas.retry_parked()})


def shown(
    unsettled: Sequence[Payment], answering: Mapping[str, str], *, parked_max: int | None = None
) -> dict[str, object]:
    """What these payments owe; `answering` are the gateway and the provider, as Sagas says it.

    At most `parked_max` of those that are parked are listed, and None means all.
    """
    parked = [payment for payment in unsettled if payment.is_parked()]
    return {
        **answering,
        "unsettled": len(unsettled),
        "owed_back": money(sum(payment.owed_back_minor() for payment in unsettled)),
        "parked_count": len(parked),
        "parked": [_parked_row(payment) for payment in parked[:parked_max]],
    }


def _parked_row(payment: Payment) -> dict[str, object]:
    """One parked payment, with what both services are owed and why it doesn't go on."""
    reservation = payment.reservation
    steps = payment.steps()
    return {
        "order_id": payment.order_id,
        "booking_id": payment.booking_id,
        "payment_id": payment.payment_id,
        "amount": money(payment.amount_minor),
        "payment": payment.status,
        "reservation": reservation.status if reservation else "",
        "provider_order": reservation.provider_order if reservation else "",
        "since": instant(steps[-1][0]) if steps else "",
        "reasons": [
            reason
            for reason in (payment.parked, reservation.parked if reservation else "")
            if reason
        ],
    }
