"""Every command from every state, and what repeating or misusing it brings."""

import pytest
from starlette.applications import Starlette

from tests.emulators.fakes import Partner

pytestmark = pytest.mark.anyio

UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def first_place(partner: Partner) -> str:
    return str((await partner.places())[0]["id"])


async def order_in(partner: Partner, status: str) -> tuple[str, str]:
    """An order brought to this status with one settled place, and that place."""
    place_id, order_id = await first_place(partner), await partner.start()
    assert await partner.select(place_id, order_id) == 204
    partner.settle()
    steps = {"STARTED": [], "SUBMITTED": ["submit"], "CONFIRMED": ["submit", "confirm"]}
    for verb in steps.get(status, ["cancel"]):
        assert await partner.command(order_id, verb) == 200
    partner.settle()
    assert (await partner.order(order_id))["status"] == status
    return order_id, place_id


@pytest.mark.parametrize(
    ("before", "verb", "status", "after"),
    [
        ("STARTED", "submit", 200, "SUBMITTED"),
        ("STARTED", "confirm", 409, "STARTED"),
        ("STARTED", "cancel", 200, "CANCELLED"),
        ("SUBMITTED", "submit", 409, "SUBMITTED"),
        ("SUBMITTED", "confirm", 200, "CONFIRMED"),
        ("SUBMITTED", "cancel", 200, "CANCELLED"),
        ("CONFIRMED", "submit", 409, "CONFIRMED"),
        ("CONFIRMED", "confirm", 409, "CONFIRMED"),
        ("CONFIRMED", "cancel", 409, "CONFIRMED"),
        ("CANCELLED", "submit", 409, "CANCELLED"),
        ("CANCELLED", "confirm", 409, "CANCELLED"),
        ("CANCELLED", "cancel", 409, "CANCELLED"),
    ],
)
async def test_order_commands(
    partner: Partner, before: str, verb: str, status: int, after: str
) -> None:
    """Each command has one status from each state; a conflict changes nothing."""
    order_id, _ = await order_in(partner, before)

    assert await partner.command(order_id, verb) == status

    partner.settle()
    assert (await partner.order(order_id))["status"] == after


@pytest.mark.parametrize("verb", ["submit", "confirm", "cancel"])
async def test_command_on_an_unknown_order(partner: Partner, verb: str) -> None:
    """An unknown order is a 500, not a 404."""
    assert await partner.command(UNKNOWN, verb) == 500


async def test_start_twice(partner: Partner) -> None:
    """Every start is an order of its own."""
    assert await partner.start() != await partner.start()


async def test_submit_without_places(partner: Partner) -> None:
    """An empty order cannot be submitted."""
    order_id = await partner.start()
    partner.settle()

    assert await partner.command(order_id, "submit") == 409


async def test_select_of_a_place_taken_by_another_order(partner: Partner) -> None:
    """A place is held by one order."""
    _, place_id = await order_in(partner, "STARTED")

    assert await partner.select(place_id, await partner.start()) == 409


async def test_select_again_for_the_same_order(partner: Partner) -> None:
    """A repeated select is the same conflict as a foreign one."""
    order_id, place_id = await order_in(partner, "STARTED")

    assert await partner.select(place_id, order_id) == 409


@pytest.mark.parametrize("unknown", ["place", "order"])
async def test_select_with_an_unknown_id(partner: Partner, unknown: str) -> None:
    """An unknown place or order is a 500, and no place is taken."""
    place_id, order_id = await first_place(partner), await partner.start()
    if unknown == "place":
        place_id = UNKNOWN
    else:
        order_id = UNKNOWN

    assert await partner.select(place_id, order_id) == 500

    partner.settle()
    assert all(row["is_free"] for row in await partner.places())


@pytest.mark.parametrize("status", ["SUBMITTED", "CONFIRMED", "CANCELLED"])
async def test_select_for_an_order_that_has_gone_on(partner: Partner, status: str) -> None:
    """Places join an order only while it is STARTED."""
    order_id, _ = await order_in(partner, status)
    other_place = (await partner.places())[1]["id"]

    assert await partner.select(other_place, order_id) == 409
    assert await partner.is_free(other_place)


async def test_order_state_comes_before_place_state(partner: Partner) -> None:
    """Both reasons give the same 409, yet an unknown order is told before a taken place."""
    _, place_id = await order_in(partner, "STARTED")

    assert await partner.select(place_id, UNKNOWN) == 500


async def test_release(partner: Partner) -> None:
    """A released place leaves its order and is free for the next."""
    order_id, place_id = await order_in(partner, "STARTED")

    assert await partner.release(place_id) == 204

    partner.settle()
    assert (await partner.order(order_id))["places_count"] == 0
    assert await partner.is_free(place_id)
    assert await partner.select(place_id, await partner.start()) == 204


async def test_release_of_a_free_place(partner: Partner) -> None:
    """A free place cannot be released: 500."""
    assert await partner.release(await first_place(partner)) == 500


async def test_release_of_an_unknown_place(partner: Partner) -> None:
    """An unknown place is a 500."""
    assert await partner.release(UNKNOWN) == 500


async def test_release_too_soon(partner: Partner) -> None:
    """A place that has not joined its order yet cannot be released; later it can."""
    place_id, order_id = await first_place(partner), await partner.start()
    await partner.select(place_id, order_id)

    assert await partner.release(place_id) == 409
    partner.settle()
    assert await partner.release(place_id) == 204


async def test_release_twice(partner: Partner) -> None:
    """The second release is a 409 at once, and a 500 once the place is free."""
    _, place_id = await order_in(partner, "STARTED")

    assert await partner.release(place_id) == 204
    assert await partner.release(place_id) == 409
    partner.settle()
    assert await partner.release(place_id) == 500


async def test_release_has_no_owner(partner: Partner) -> None:
    """A late repeat of a release takes the place from whoever has it now."""
    _, place_id = await order_in(partner, "STARTED")
    await partner.release(place_id)
    partner.settle()
    other = await partner.start()
    await partner.select(place_id, other)
    partner.settle()

    assert await partner.release(place_id) == 204

    partner.settle()
    assert (await partner.order(other))["places_count"] == 0


@pytest.mark.parametrize("status", ["SUBMITTED", "CONFIRMED"])
async def test_release_from_an_order_that_has_gone_on(partner: Partner, status: str) -> None:
    """Places leave an order only while it is STARTED."""
    _, place_id = await order_in(partner, status)

    assert await partner.release(place_id) == 409
    assert not await partner.is_free(place_id)


async def test_cancel_frees_the_places(partner: Partner) -> None:
    """A cancelled order's places are taken until the news arrives, then free."""
    order_id, place_id = await order_in(partner, "SUBMITTED")
    other = await partner.start()

    assert await partner.command(order_id, "cancel") == 200
    assert await partner.select(place_id, other) == 409
    partner.settle()
    assert (await partner.order(order_id))["places_count"] == 0
    assert await partner.select(place_id, other) == 204


async def test_confirmed_places_stay_taken(partner: Partner) -> None:
    """What was confirmed is sold for good."""
    order_id, place_id = await order_in(partner, "CONFIRMED")

    assert await partner.command(order_id, "cancel") == 409
    partner.settle()
    assert not await partner.is_free(place_id)


async def test_submit_before_the_last_place_has_joined(
    partner: Partner, provider_app: Starlette
) -> None:
    """A submit takes the places that have settled; the straggler is freed by itself."""
    order_id, _ = await order_in(partner, "STARTED")
    straggler = (await partner.places())[1]["id"]
    await partner.select(straggler, order_id)

    assert await partner.command(order_id, "submit") == 200

    partner.settle()
    assert (await partner.order(order_id))["places_count"] == 1
    assert await partner.is_free(straggler)


async def test_leaked_place(partner: Partner) -> None:
    """With the knob at `leak` a straggler stays taken by an order that knows nothing of it."""
    await partner.turn(unsettled_place="leak")
    order_id, _ = await order_in(partner, "STARTED")
    straggler = (await partner.places())[1]["id"]
    await partner.select(straggler, order_id)
    await partner.command(order_id, "cancel")
    partner.settle()

    assert not await partner.is_free(straggler)
    assert await partner.select(straggler, await partner.start()) == 409


async def test_wedge(partner: Partner) -> None:
    """With the knob on, a straggler stops the consumer: selects work, but nothing settles."""
    await partner.turn(wedge_on_poison=True)
    order_id, _ = await order_in(partner, "STARTED")
    rows = await partner.places()
    await partner.select(rows[1]["id"], order_id)
    await partner.command(order_id, "submit")
    partner.settle()
    later = await partner.start()

    # Not even the straggler is freed, as it is where the consumer swallows it.
    assert await partner.select(rows[1]["id"], later) == 409
    assert await partner.select(rows[2]["id"], later) == 204
    partner.settle()
    assert (await partner.order(later))["places_count"] == 0
    assert await partner.is_free(rows[2]["id"])
    assert await partner.command(later, "submit") == 409
    assert (await partner.http.get("/__emu/orders")).json()["place_consumer_stopped"]
