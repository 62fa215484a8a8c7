"""Repeating and misusing the provider, over real HTTP: what a client meets, situation by situation.

Every refusal here has an empty body; the fixture's client looks at each.
"""

import asyncio

import httpx
import pytest

from tests.emulators.fakes import Partner

pytestmark = [pytest.mark.anyio, pytest.mark.server]

UNKNOWN = "00000000-0000-4000-8000-000000000000"
START = "/api/partners/v1/orders"
STEPS = {
    "STARTED": [],
    "SUBMITTED": ["submit"],
    "CONFIRMED": ["submit", "confirm"],
    "CANCELLED": ["cancel"],
}


async def place_at(partner: Partner, index: int) -> str:
    return str((await partner.places())[index]["id"])


async def order_in(partner: Partner, status: str, index: int = 0) -> tuple[str, str]:
    """An order brought to this status with one place, and that place."""
    place_id, order_id = await place_at(partner, index), await partner.start()
    assert await partner.select(place_id, order_id) == 204
    for verb in STEPS[status]:
        assert await partner.command(order_id, verb) == 200
    assert (await partner.order(order_id))["status"] == status
    return order_id, place_id


async def orders(partner: Partner) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (await partner.http.get("/__emu/orders")).json()["orders"]
    return found


async def test_start_whose_answer_was_lost(far_partner: Partner) -> None:
    """A second start is another order; the lost one is there too, empty and harmless."""
    fault = {"route": f"POST {START}", "kind": "drop", "when": "after", "times": 1}
    await far_partner.turn(faults=[fault])

    with pytest.raises(httpx.RemoteProtocolError):
        await far_partner.start()
    order_id = await far_partner.start()

    found = await orders(far_partner)
    assert [([], "STARTED")] * 2 == [(order["places"], order["status"]) for order in found]
    assert found[1]["id"] == order_id


async def test_select_of_a_place_of_another_order(far_partner: Partner) -> None:
    """409."""
    _, place_id = await order_in(far_partner, "STARTED")

    assert await far_partner.select(place_id, await far_partner.start()) == 409


async def test_select_again_for_the_same_order(far_partner: Partner) -> None:
    """409 as well: a repeat can't be told from a defeat."""
    order_id, place_id = await order_in(far_partner, "STARTED")

    assert await far_partner.select(place_id, order_id) == 409


async def test_select_with_something_unknown(far_partner: Partner) -> None:
    """500, be it the order or the place."""
    order_id, place_id = await far_partner.start(), await place_at(far_partner, 0)

    assert await far_partner.select(place_id, UNKNOWN) == 500
    assert await far_partner.select(UNKNOWN, order_id) == 500


@pytest.mark.parametrize("status", ["SUBMITTED", "CONFIRMED", "CANCELLED"])
async def test_select_for_an_order_that_is_over(far_partner: Partner, status: str) -> None:
    """409."""
    order_id, _ = await order_in(far_partner, status)

    assert await far_partner.select(await place_at(far_partner, 1), order_id) == 409


@pytest.mark.parametrize(("race_ms", "loser"), [(0, 409), (60_000, 500)])
async def test_two_selects_at_once(far_partner: Partner, race_ms: float, loser: int) -> None:
    """One wins; the other one gets 409, or 500 if both were looked at before either was written."""
    await far_partner.turn(race_ms=race_ms)
    place_id = await place_at(far_partner, 0)
    order_ids = [await far_partner.start() for _ in range(2)]

    answers = await asyncio.gather(*(far_partner.select(place_id, one) for one in order_ids))

    assert sorted(answers) == [204, loser]


async def test_release_of_a_free_place(far_partner: Partner) -> None:
    """500."""
    assert await far_partner.release(await place_at(far_partner, 0)) == 500


async def test_release_too_soon(far_partner: Partner) -> None:
    """409 until the place has joined its order; then it works."""
    await far_partner.turn(freeze_projection=True)
    place_id, order_id = await place_at(far_partner, 0), await far_partner.start()
    await far_partner.select(place_id, order_id)

    assert await far_partner.release(place_id) == 409
    await far_partner.turn(freeze_projection=False)
    assert await far_partner.release(place_id) == 204


async def test_release_twice(far_partner: Partner) -> None:
    """Quickly: 409. After the place is free again: 500."""
    _, place_id = await order_in(far_partner, "STARTED")
    await far_partner.turn(freeze_projection=True)

    assert await far_partner.release(place_id) == 204
    assert await far_partner.release(place_id) == 409
    await far_partner.turn(freeze_projection=False)
    assert await far_partner.release(place_id) == 500


async def test_release_after_somebody_else_has_selected(far_partner: Partner) -> None:
    """204, and the other's place is gone: a blind repeat of a release robs a stranger."""
    _, place_id = await order_in(far_partner, "STARTED")
    assert await far_partner.release(place_id) == 204
    stranger = await far_partner.start()
    assert await far_partner.select(place_id, stranger) == 204
    assert (await far_partner.order(stranger))["places_count"] == 1

    assert await far_partner.release(place_id) == 204

    assert (await far_partner.order(stranger))["places_count"] == 0


async def test_release_of_a_place_of_another_order(far_partner: Partner) -> None:
    """204: nobody is asked who wants it, so there is no 403."""
    _, place_id = await order_in(far_partner, "STARTED")
    await far_partner.start()

    assert await far_partner.release(place_id) == 204


@pytest.mark.parametrize("status", ["SUBMITTED", "CONFIRMED"])
async def test_release_after_the_order_was_closed(far_partner: Partner, status: str) -> None:
    """409."""
    _, place_id = await order_in(far_partner, status)

    assert await far_partner.release(place_id) == 409


async def test_submit_of_an_order_without_places(far_partner: Partner) -> None:
    """409, whether nothing was selected or nothing has joined yet."""
    order_id = await far_partner.start()
    assert await far_partner.command(order_id, "submit") == 409

    await far_partner.turn(freeze_projection=True)
    await far_partner.select(await place_at(far_partner, 0), order_id)
    assert await far_partner.command(order_id, "submit") == 409


@pytest.mark.parametrize(
    ("status", "verb"),
    [
        ("SUBMITTED", "submit"),
        ("CONFIRMED", "submit"),
        ("CANCELLED", "submit"),
        ("CONFIRMED", "confirm"),
        ("STARTED", "confirm"),
        ("CANCELLED", "confirm"),
        ("CANCELLED", "cancel"),
        ("CONFIRMED", "cancel"),
    ],
)
async def test_command_at_the_wrong_time(far_partner: Partner, status: str, verb: str) -> None:
    """409, and the order stays as it is."""
    order_id, _ = await order_in(far_partner, status)

    assert await far_partner.command(order_id, verb) == 409
    assert (await far_partner.order(order_id))["status"] == status


async def test_cancel_after_submit(far_partner: Partner) -> None:
    """200, and the places are free again."""
    order_id, place_id = await order_in(far_partner, "SUBMITTED")

    assert await far_partner.command(order_id, "cancel") == 200
    assert await far_partner.is_free(place_id)


@pytest.mark.parametrize("verb", ["submit", "confirm", "cancel"])
async def test_command_on_an_unknown_order(far_partner: Partner, verb: str) -> None:
    """500."""
    assert await far_partner.command(UNKNOWN, verb) == 500


async def test_submit_of_half_an_order(far_partner: Partner) -> None:
    """200 with the places that had joined; the late one is held by nobody who could free it."""
    order_id, _ = await order_in(far_partner, "STARTED")
    await far_partner.turn(unsettled_place="leak", freeze_projection=True)
    late = await place_at(far_partner, 1)
    await far_partner.select(late, order_id)

    assert await far_partner.command(order_id, "submit") == 200
    await far_partner.turn(freeze_projection=False)
    assert await far_partner.command(order_id, "cancel") == 200

    assert (await far_partner.order(order_id))["status"] == "CANCELLED"
    assert not await far_partner.is_free(late)


async def test_wedge(far_partner: Partner) -> None:
    """One cancel too early, and no place of any order ever joins again."""
    await far_partner.turn(wedge_on_poison=True, freeze_projection=True)
    impatient = await far_partner.start()
    await far_partner.select(await place_at(far_partner, 0), impatient)
    await far_partner.command(impatient, "cancel")
    await far_partner.turn(freeze_projection=False)

    victim, place_id = await far_partner.start(), await place_at(far_partner, 1)
    assert await far_partner.select(place_id, victim) == 204

    assert (await far_partner.order(victim))["places_count"] == 0
    assert await far_partner.command(victim, "submit") == 409
    assert (await far_partner.http.get("/__emu/orders")).json()["place_consumer_stopped"]


async def test_statuses_of_everything_else(far_partner: Partner) -> None:
    """404 for what no reader sees, 422 for a body that is none, 202 for a new place."""
    http = far_partner.http
    place_id = await place_at(far_partner, 0)
    select = f"/api/partners/v1/places/{place_id}/select"

    assert (await http.get(f"{START}/{UNKNOWN}")).status_code == 404
    assert (await http.get(f"/api/partners/v1/places/{UNKNOWN}")).status_code == 404
    assert (await http.patch(select)).status_code == 422
    assert (await http.patch(select, json={"order_id": "x"})).status_code == 422
    assert (await http.get("/api/partners/v1/places?page=x")).status_code == 500
    made = await http.post("/api/admin/v1/places", json={"row": 101, "seat": 1})
    assert made.status_code == 202


async def test_every_place_in_pages(far_partner: Partner) -> None:
    """Pages of a thousand list every place once, in order of row and seat, and then nothing."""
    pages = []
    for page in range(1, 4):
        url = f"/api/partners/v1/places?page={page}&pageSize=1000"
        pages.append((await far_partner.http.get(url)).json())

    rows = [row for page in pages for row in page]
    assert [1000, 1000, 0] == [len(page) for page in pages]
    assert [(row["row"], row["seat"]) for row in rows] == [
        (row, seat) for row in (1, 2) for seat in range(1, 1001)
    ]
    assert len({row["id"] for row in rows}) == 2000
