"""What the outside is still owed, for the operator: on this machine only, like the metrics."""

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
    standing = call.service.sagas.standing()
    return json_reply(
        {
            "gateway": standing.gateway,
            "provider": standing.provider,
            "unsettled": standing.unsettled,
            "owed_back": money(standing.owed_back_minor),
            "parked_count": len(standing.parked),
            "parked": [parked_row(payment) for payment in standing.parked[:PARKED_SHOWN_MAX]],
        }
    )


def retry_parked(call: Call[None]) -> Reply:
    """The operator has mended something: try everything that is parked at once."""
    require_operator(call)
    return json_reply({"retried": call.service.sagas.retry_parked()})


def parked_row(payment: Payment) -> dict[str, object]:
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
