"""How the news travels when there is much of it, or when it goes wrong."""

import pytest

from tests.emulators.fakes import FakeClock, Partner

pytestmark = pytest.mark.anyio


async def places_count(partner: Partner, order_id: str) -> int:
    return int((await partner.order(order_id))["places_count"])


async def test_new_orders_overtake_old_news(partner: Partner, clock: FakeClock) -> None:
    """Under load the lowest revision is sent first, so what became of an older order waits."""
    await partner.turn(events_per_s=1, lag_ms=0, lowest_revision_first=True)
    old = await partner.start()
    place_id = (await partner.places())[0]["id"]
    await partner.select(place_id, old)
    await partner.order(old)  # the place has joined now; that news waits for its turn
    newer = [await partner.start() for _ in range(3)]

    seen = []
    for _ in range(5):
        url = f"/api/partners/v1/orders/{newer[-1]}"
        is_there = (await partner.http.get(url)).status_code == 200
        seen.append((is_there, await places_count(partner, old)))
        clock.advance(1)

    assert seen.index((True, 0)) < seen.index((True, 1))


async def test_new_selects_overtake_a_release(partner: Partner, clock: FakeClock) -> None:
    """The same among places: one that is free again looks taken until the fresh ones are told."""
    order_id = await partner.start()
    freed, *fresh = [row["id"] for row in (await partner.places())[:3]]
    await partner.select(freed, order_id)
    partner.settle()
    await partner.turn(events_per_s=1, lag_ms=0, lowest_revision_first=True)
    await partner.http.post("/api/admin/v1/places", json={"row": 9, "seat": 9})
    await partner.release(freed)
    await partner.places()  # the place has left its order now; that news waits for its turn
    for place_id in fresh:
        await partner.select(place_id, order_id)

    seen = []
    for _ in range(4):
        seen.append([await partner.is_free(place_id) for place_id in (freed, *fresh)])
        clock.advance(1)

    free, taken = True, False
    assert seen == [
        [taken, free, free],
        [taken, taken, free],
        [taken, taken, taken],
        [free, taken, taken],
    ]


async def test_in_order_of_time_otherwise(partner: Partner, clock: FakeClock) -> None:
    """Without that knob news waits only for what is older."""
    await partner.turn(events_per_s=1, lag_ms=0)
    old = await partner.start()
    place_id = (await partner.places())[0]["id"]
    await partner.select(place_id, old)
    await partner.order(old)
    newer = [await partner.start() for _ in range(3)]

    clock.advance(1)

    assert await places_count(partner, old) == 1
    url = f"/api/partners/v1/orders/{newer[-1]}"
    assert (await partner.http.get(url)).status_code == 404


async def test_change_of_knobs_is_not_backdated(partner: Partner, clock: FakeClock) -> None:
    """What was due before the reads froze has been read, though nobody had looked."""
    order_id = await partner.start()
    clock.advance(1)

    await partner.turn(freeze_projection=True)

    assert (await partner.order(order_id))["status"] == "STARTED"


async def test_place_counted_twice(partner: Partner) -> None:
    """The read side counts a message anew when it comes again; the order itself doesn't."""
    await partner.turn(duplicate_event_rate=1)
    place_id, order_id = (await partner.places())[0]["id"], await partner.start()
    await partner.select(place_id, order_id)
    partner.settle()

    assert await places_count(partner, order_id) == 2
    orders = (await partner.http.get("/__emu/orders")).json()["orders"]
    assert [[place_id]] == [order["places"] for order in orders]


async def test_cancelled_places_counted_twice(partner: Partner) -> None:
    """Such a message takes its places away twice as well."""
    order_id = await partner.start()
    for row in (await partner.places())[:2]:
        await partner.select(row["id"], order_id)
    partner.settle()
    assert await places_count(partner, order_id) == 2

    await partner.turn(duplicate_event_rate=1)
    await partner.command(order_id, "cancel")
    partner.settle()

    assert await places_count(partner, order_id) == -2


async def test_two_at_once(partner: Partner, clock: FakeClock) -> None:
    """The loser of a race gets 500; whoever comes later gets 409."""
    await partner.turn(race_ms=5)
    place_id = (await partner.places())[0]["id"]
    first, second = await partner.start(), await partner.start()
    assert await partner.select(place_id, first) == 204

    assert await partner.select(place_id, second) == 500
    clock.advance(0.005)
    assert await partner.select(place_id, second) == 409


@pytest.mark.parametrize("verb", ["submit", "confirm", "cancel", "select", "release"])
async def test_colliding_commands(partner: Partner, verb: str) -> None:
    """A command that loses to another writer is a 500 and has done nothing."""
    place_id, order_id = (await partner.places())[0]["id"], await partner.start()
    if verb != "select":
        await partner.select(place_id, order_id)
    partner.settle()
    if verb == "confirm":
        await partner.command(order_id, "submit")
    before = (await partner.http.get("/__emu/orders")).json()

    await partner.turn(conflict_500_rate=1)
    if verb == "select":
        lost = await partner.select(place_id, order_id)
    elif verb == "release":
        lost = await partner.release(place_id)
    else:
        lost = await partner.command(order_id, verb)

    assert lost == 500
    assert (await partner.http.get("/__emu/orders")).json() == before


async def test_rate_of_collisions(partner: Partner) -> None:
    """They strike their share of the commands."""
    await partner.turn(conflict_500_rate=0.3)
    order_id = await partner.start()

    struck = [await partner.command(order_id, "submit") == 500 for _ in range(500)]

    assert 100 <= sum(struck) <= 200
