"""Another partner of the same provider."""

from itertools import pairwise

import pytest
from starlette.applications import Starlette

from emulators.provider import foreign
from tests.emulators.fakes import FakeClock, Partner

pytestmark = pytest.mark.anyio


async def act(partner: Partner, action: str, place_id: str) -> int:
    body = {"place_id": place_id, "action": action}
    return (await partner.http.post("/__emu/foreign", json=body)).status_code


async def test_place_taken_by_another(partner: Partner) -> None:
    """What the other partner has taken can't be selected until it is released."""
    place_id, order_id = (await partner.places())[0]["id"], await partner.start()

    assert await act(partner, "take", place_id) == 200
    assert await partner.select(place_id, order_id) == 409
    partner.settle()
    assert not await partner.is_free(place_id)
    assert await act(partner, "release", place_id) == 200
    partner.settle()
    assert await partner.select(place_id, order_id) == 204


async def test_our_place_released_by_another(partner: Partner) -> None:
    """The provider asks nobody: a place is released by whoever wants it released."""
    place_id, order_id = (await partner.places())[0]["id"], await partner.start()
    await partner.select(place_id, order_id)
    partner.settle()

    assert await act(partner, "release", place_id) == 200
    partner.settle()

    assert await partner.is_free(place_id)
    assert (await partner.order(order_id))["places_count"] == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"place_id": 1}, 400),
        ({"place_id": "x", "action": "eat"}, 400),
        ({"place_id": "x"}, 500),
    ],
)
async def test_bad_call(partner: Partner, body: dict[str, object], status: int) -> None:
    """A call that makes no sense is told so; an unknown place is the provider's own 500."""
    assert (await partner.http.post("/__emu/foreign", json=body)).status_code == status


async def held(partner: Partner) -> int:
    return int((await partner.http.get("/__emu/orders")).json()["places_held"])


async def test_partner_of_its_own_will(partner: Partner, clock: FakeClock) -> None:
    """At a rate it takes places and gives its own back, never one of ours."""
    place_id, order_id = (await partner.places())[0]["id"], await partner.start()
    await partner.select(place_id, order_id)
    await partner.turn(foreign_per_s=10)

    counts = []
    for _ in range(60):
        clock.advance(1)
        counts.append(await held(partner))

    assert len(set(counts)) > 5
    assert any(after < before for before, after in pairwise(counts))
    assert (await partner.order(order_id))["places_count"] == 1
    await partner.turn(foreign_per_s=0)
    partner.settle()
    before = await held(partner)
    clock.advance(60)
    assert await held(partner) == before
    # It begins anew: what it would have done meanwhile is not made up for.
    await partner.turn(foreign_per_s=10)
    assert await held(partner) == before


async def test_long_silence(
    partner: Partner,
    provider_app: Starlette,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a long time without a look it doesn't make up for everything."""
    monkeypatch.setattr(foreign, "ACTS_AT_ONCE_MAX", 3)
    await partner.turn(foreign_per_s=1_000)
    await partner.places()
    clock.advance(3600)

    count = await held(partner)
    assert count <= 3
    assert {count} == {await held(partner) for _ in range(5)}


async def test_reset_forgets_the_partner(partner: Partner) -> None:
    """After a reset the other partner begins anew."""
    place_id = (await partner.places())[0]["id"]
    await act(partner, "take", place_id)

    await partner.http.post("/__emu/reset")

    assert await held(partner) == 0
    assert await act(partner, "take", place_id) == 200
