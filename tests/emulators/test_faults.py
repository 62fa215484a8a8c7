"""What a fault does to a request, and to the effect behind it."""

from typing import Any

import httpx
import orjson
import pytest

from tests.emulators.fakes import FakeClock, Merchant, Partner

pytestmark = pytest.mark.anyio

INIT = "POST /api/v1/PaymentInit/init"


async def payments(merchant: Merchant) -> int:
    return len((await merchant.http.get("/__emu/ledger")).json()["payments"])


@pytest.mark.parametrize("status", [429, 500, 502, 503])
@pytest.mark.parametrize(("when", "effects"), [("before", 0), ("after", 1)])
async def test_status(merchant: Merchant, status: int, when: str, effects: int) -> None:
    """A fault before loses the request, a fault after only the answer."""
    await merchant.turn(faults=[{"route": INIT, "status": status, "when": when, "times": 1}])

    answer = await merchant.init()

    assert (answer.status_code, answer.content) == (status, b"")
    assert answer.headers.get("retry-after") == ("1" if status in (429, 503) else None)
    assert await payments(merchant) == effects
    assert (await merchant.init()).status_code == (409 if effects else 200)


@pytest.mark.parametrize(("when", "effects"), [("before", 0), ("after", 1)])
async def test_garbage(merchant: Merchant, when: str, effects: int) -> None:
    """A garbage answer says 200 and cannot be parsed."""
    await merchant.turn(faults=[{"route": INIT, "kind": "garbage", "when": when, "times": 1}])

    answer = await merchant.init()

    assert answer.status_code == 200
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(answer.content)
    assert await payments(merchant) == effects


@pytest.mark.parametrize(
    ("when", "created_at"),
    [("before", "2025-10-09T08:54:05.0000000Z"), ("after", "2025-10-09T08:53:20.0000000Z")],
)
async def test_hang(merchant: Merchant, clock: FakeClock, when: str, created_at: str) -> None:
    """A hang delays the work or only its answer, and then the answer is a good one."""
    fault: dict[str, Any] = {"route": INIT, "kind": "hang", "hang_s": 45, "when": when}
    await merchant.turn(faults=[fault])

    payment_id = await merchant.new_payment()

    assert clock.slept == [45]
    row = (await merchant.check(payment_id)).json()["payments"][0]
    assert row["createdAt"] == created_at


async def test_latency(partner: Partner, clock: FakeClock) -> None:
    """Latency falls on every request of the service, and on no control call."""
    await partner.turn(latency_ms=250)

    await partner.start()
    await partner.places()
    await partner.http.get("/__emu/orders")

    assert clock.slept == [0.25, 0.25]


async def test_control_calls_never_fail(merchant: Merchant) -> None:
    """A fault for every route still lets the test turn it off."""
    await merchant.turn(faults=[{"route": "."}])
    assert (await merchant.init()).status_code == 500

    await merchant.turn(faults=[])
    assert (await merchant.init()).status_code == 200


async def test_lost_answer_of_a_select(partner: Partner) -> None:
    """A select that lost its answer took effect, and its repeat is a 409."""
    place_id, order_id = (await partner.places())[0]["id"], await partner.start()
    await partner.turn(faults=[{"route": "PATCH .*/select", "when": "after", "times": 1}])

    assert await partner.select(place_id, order_id) == 500
    assert await partner.select(place_id, order_id) == 409
    partner.settle()
    assert (await partner.order(order_id))["places_count"] == 1


@pytest.mark.parametrize(("when", "effects"), [("before", 0), ("after", 1)])
async def test_drop(merchant: Merchant, when: str, effects: int) -> None:
    """A dropped connection brings no answer at all; only afterwards has the work been done."""
    await merchant.turn(faults=[{"route": INIT, "kind": "drop", "when": when, "times": 1}])

    with pytest.raises(httpx.RemoteProtocolError):
        await merchant.init()

    assert await payments(merchant) == effects


async def test_truncated(merchant: Merchant) -> None:
    """The work is done, and its answer breaks off."""
    await merchant.turn(faults=[{"route": INIT, "kind": "truncated", "times": 1}])

    with pytest.raises(httpx.RemoteProtocolError):
        await merchant.init()

    assert await payments(merchant) == 1


async def test_slow_body(partner: Partner, clock: FakeClock) -> None:
    """The right answer, in ten pieces with a wait before each."""
    await partner.turn(faults=[{"route": "places", "kind": "slow", "hang_s": 20}])

    rows = await partner.places()

    assert len(rows) == 20
    assert clock.slept == [2] * 10


async def test_refusal(partner: Partner, clock: FakeClock) -> None:
    """While the window is open nobody gets through but control calls; then it closes."""
    await partner.turn(refuse_for_s=30)

    with pytest.raises(httpx.ConnectError):
        await partner.start()
    clock.advance(30)
    await partner.start()

    assert len((await partner.http.get("/__emu/orders")).json()["orders"]) == 1


async def test_hang_about_its_length(partner: Partner, clock: FakeClock) -> None:
    """With a sigma every hang has its own length, the same ones for the same seed."""
    await partner.turn(faults=[{"kind": "hang", "hang_s": 4, "sigma": 0.5}])

    for _ in range(20):
        await partner.start()

    assert len(set(clock.slept)) == 20
    assert min(clock.slept) < 4 < max(clock.slept)
