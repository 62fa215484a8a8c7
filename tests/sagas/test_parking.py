"""Which troubles an operator must know of."""

import random

import pytest

from sagas.outcome import Refused, Unknown
from sagas.owed import GatewayCall
from sagas.parking import FAILURES_MAX, RETRY_MS, is_beyond_retry, reason_of, retry_ms

CAPTURE, RETURN, LOOK_UP = GatewayCall.CAPTURE, GatewayCall.RETURN, GatewayCall.LOOK_UP

TROUBLES = [
    (RETURN, Refused(401, "3001", "token parameter is required"), True),
    (RETURN, Refused(401, "TOKEN_INVALID"), True),
    (RETURN, Refused(404, "3404"), True),
    (RETURN, Refused(422, "3422"), True),
    (RETURN, Refused(409, "3409"), False),
    (RETURN, Refused(503, "3503"), False),
    (RETURN, Unknown("HTTP 500"), False),
    (CAPTURE, Refused(400, "2100", "The payment is too old to be confirmed"), True),
    (CAPTURE, Refused(400, "2100", "Currency KZT is not supported by team"), True),
    (CAPTURE, Refused(400, "2100", "Failed to acquire confirmation lock"), False),
    (CAPTURE, Refused(404, "2404"), True),
    (CAPTURE, Refused(409, "2409"), False),
    (CAPTURE, Unknown("ReadTimeout"), False),
    (LOOK_UP, Refused(401, "TOKEN_INVALID"), True),
]


@pytest.mark.parametrize(("call", "trouble", "beyond"), TROUBLES)
def test_first_failure(call: GatewayCall, trouble: Refused | Unknown, beyond: bool) -> None:
    """A refusal for good is parked at once, one that may pass is tried again."""
    assert beyond == is_beyond_retry(call, trouble, failures=1)


@pytest.mark.parametrize("trouble", [Unknown("HTTP 500"), Refused(409, "3409")])
def test_patience_ends(trouble: Refused | Unknown) -> None:
    """Whatever has failed so often in a row, while the service answered others, is parked."""
    assert not is_beyond_retry(RETURN, trouble, failures=FAILURES_MAX - 1)
    assert is_beyond_retry(RETURN, trouble, failures=FAILURES_MAX)


@pytest.mark.parametrize("call", [GatewayCall.INIT, GatewayCall.CHECK])
def test_what_has_a_deadline(call: GatewayCall) -> None:
    """A payment that nobody has paid for needs no operator: its booking runs out."""
    assert not is_beyond_retry(call, Refused(401, "TOKEN_INVALID"), failures=FAILURES_MAX)


def test_reasons() -> None:
    """Call, status, code and the outside's own words, as far as there are any."""
    refused = Refused(401, "3001", "token parameter is required")
    assert reason_of("return", refused) == "return: HTTP 401, 3001, token parameter is required"
    assert reason_of("confirm", Refused(409, "")) == "confirm: HTTP 409"
    assert reason_of("cancel", Unknown("HTTP 500")) == "cancel: HTTP 500"


def test_once_an_hour() -> None:
    """Parked calls come back within an hour, and not all at once."""
    pauses = {retry_ms(random.Random(seed)) for seed in range(50)}
    assert len(pauses) > 40
    assert all(RETRY_MS / 2 <= pause <= RETRY_MS for pause in pauses)
