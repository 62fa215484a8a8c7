"""What readers see, and when."""

import httpx
import pytest

from emulators.provider import ProviderSettings, create_app
from tests.emulators.fakes import FakeClock, Partner

pytestmark = pytest.mark.anyio

LAG_S = 0.020


async def test_order_appears_after_the_lag(partner: Partner, clock: FakeClock) -> None:
    """An order is a 404 just after its 201."""
    order_id = await partner.start()
    url = f"/api/partners/v1/orders/{order_id}"

    clock.advance(LAG_S - 0.001)
    assert (await partner.http.get(url)).status_code == 404
    clock.advance(0.001)
    assert (await partner.http.get(url)).json() == {
        "id": order_id,
        "status": "STARTED",
        "started_at": 1_760_000_000_000,
        "updated_at": 1_760_000_000_000,
        "places_count": 0,
    }


async def test_selected_place_arrives_in_two_steps(partner: Partner, clock: FakeClock) -> None:
    """A place looks taken after one lag; its order counts it after two."""
    place_id, order_id = (await partner.places())[0]["id"], await partner.start()
    clock.advance(1)
    await partner.select(place_id, order_id)

    seen = []
    for _ in range(3):
        seen.append(
            (await partner.is_free(place_id), (await partner.order(order_id))["places_count"])
        )
        clock.advance(LAG_S)

    assert seen == [(True, 0), (False, 0), (False, 1)]


async def test_submit_sees_a_place_before_readers_do(partner: Partner, clock: FakeClock) -> None:
    """The order itself has the place after one lag, so a submit succeeds then."""
    place_id, order_id = (await partner.places())[0]["id"], await partner.start()
    await partner.select(place_id, order_id)

    assert await partner.command(order_id, "submit") == 409
    clock.advance(LAG_S)
    assert await partner.command(order_id, "submit") == 200


async def test_updated_at_moves_with_the_news(partner: Partner, clock: FakeClock) -> None:
    """`updated_at` is the moment the news arrived, in milliseconds."""
    place_id, order_id = (await partner.places())[0]["id"], await partner.start()
    clock.advance(1)
    await partner.select(place_id, order_id)
    clock.advance(1)

    assert (await partner.order(order_id))["updated_at"] == 1_760_000_001_040


async def test_pace_of_the_consumers(partner: Partner, clock: FakeClock) -> None:
    """At ten events a second, thirty orders take three seconds to appear."""
    await partner.turn(events_per_s=10)
    orders = [await partner.start() for _ in range(30)]

    async def visible() -> int:
        urls = [f"/api/partners/v1/orders/{order_id}" for order_id in orders]
        return sum([(await partner.http.get(url)).status_code == 200 for url in urls])

    clock.advance(1.0)
    assert await visible() == 10
    clock.advance(2.0)
    assert await visible() == 30


async def test_frozen_reads(partner: Partner) -> None:
    """While the reads are frozen nothing arrives; all of it does afterwards."""
    await partner.turn(freeze_projection=True)
    order_id = await partner.start()
    partner.settle()
    frozen = await partner.http.get(f"/api/partners/v1/orders/{order_id}")
    await partner.turn(freeze_projection=False)

    assert frozen.status_code == 404
    assert (await partner.order(order_id))["status"] == "STARTED"


async def test_no_lag(partner: Partner) -> None:
    """Without lag everything is seen at once."""
    await partner.turn(lag_ms=0)
    place_id, order_id = (await partner.places())[0]["id"], await partner.start()
    await partner.select(place_id, order_id)

    assert (await partner.order(order_id))["places_count"] == 1
    assert not await partner.is_free(place_id)


async def test_order_of_news_survives_a_shorter_lag(partner: Partner) -> None:
    """News sent later never overtakes, even when the lag is cut in between."""
    order_id = await partner.start()
    await partner.turn(lag_ms=0)
    place_id = (await partner.places())[0]["id"]
    await partner.select(place_id, order_id)
    partner.settle()

    assert (await partner.order(order_id))["places_count"] == 1


async def test_place(partner: Partner) -> None:
    """A place is its id, row, seat and whether it is free."""
    row = (await partner.places())[11]

    answer = await partner.http.get(f"/api/partners/v1/places/{row['id']}")

    assert answer.json() == {"id": row["id"], "row": 2, "seat": 2, "is_free": True}


@pytest.mark.parametrize(
    ("query", "first", "count"),
    [
        ("", (1, 1), 20),
        ("?page=2", (3, 1), 10),
        ("?page=2&pageSize=7", (1, 8), 7),
        ("?page=0&pageSize=5", (1, 1), 5),
        ("?page=-3&pageSize=5", (1, 1), 5),
        ("?pageSize=1000", (1, 1), 30),
        ("?pageSize=5000", (1, 1), 30),
        ("?page=%2B1&pageSize=1", (1, 1), 1),
        ("?pageSize=0", None, 0),
        ("?page=31&pageSize=1", None, 0),
        ("?page=2147483&pageSize=1000", None, 0),
        ("?page=2147483647&pageSize=1", None, 0),
    ],
)
async def test_pages(
    partner: Partner, query: str, first: tuple[int, int] | None, count: int
) -> None:
    """Pages are clamped, ordered by row and seat, and empty past the end."""
    answer = await partner.http.get(f"/api/partners/v1/places{query}")

    rows = answer.json()
    assert (answer.status_code, len(rows)) == (200, count)
    if count:
        assert (rows[0]["row"], rows[0]["seat"]) == first
    assert rows == sorted(rows, key=lambda row: (row["row"], row["seat"]))


@pytest.mark.parametrize(
    "query",
    [
        "page=x",
        "page=",
        "page=1.5",
        "page=+1",  # a plus in a query is a space
        "page=2147483648",
        "pageSize=x",
        "pageSize=-1",
        "page=2147484&pageSize=1000",
        "page=99999999999999999999",
    ],
)
async def test_bad_pages(partner: Partner, query: str) -> None:
    """What Java cannot count with is a 500 without a body."""
    answer = await partner.http.get(f"/api/partners/v1/places?{query}")

    assert (answer.status_code, answer.content) == (500, b"")


async def places_of(settings: ProviderSettings) -> list[dict[str, object]]:
    transport = httpx.ASGITransport(create_app(settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://provider") as http:
        rows: list[dict[str, object]] = (
            await http.get("/api/partners/v1/places?pageSize=1000")
        ).json()
        return rows


async def test_place_ids_come_from_the_seed() -> None:
    """A restart gives every place its old id, also in a larger venue; another seed does not."""
    small = await places_of(ProviderSettings(rows=2, seats_per_row=5))
    large = await places_of(ProviderSettings(rows=3, seats_per_row=6))
    other = await places_of(ProviderSettings(rows=2, seats_per_row=5, seed=2))

    ids = {(row["row"], row["seat"]): row["id"] for row in large}
    assert [ids[row["row"], row["seat"]] for row in small] == [row["id"] for row in small]
    assert {row["id"] for row in small}.isdisjoint(row["id"] for row in other)


async def test_order_ids_do_not_come_back_after_a_restart() -> None:
    """A provider started later gives other order ids, the same moment the same ones."""

    async def first_order(at: float) -> str:
        clock = FakeClock(at)
        settings = ProviderSettings(rows=1, seats_per_row=1, now=clock.now)
        transport = httpx.ASGITransport(create_app(settings))
        async with httpx.AsyncClient(transport=transport, base_url="http://provider") as http:
            return await Partner(http, clock).start()

    assert await first_order(1.0) == await first_order(1.0)
    assert await first_order(1.0) != await first_order(2.0)
