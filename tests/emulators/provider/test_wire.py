"""Statuses and bodies on the wire, the accidents of the real service included."""

import dataclasses

import httpx
import pytest

from emulators.provider import ProviderSettings, create_app
from tests.emulators.fakes import FakeClock, Partner

pytestmark = pytest.mark.anyio

UNKNOWN = "00000000-0000-4000-8000-000000000000"
API = "/api/partners/v1"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{API}/orders/{UNKNOWN}", 404),
        ("GET", f"{API}/orders/not-a-uuid", 500),
        ("PATCH", f"{API}/orders/{UNKNOWN}/submit", 500),
        ("PATCH", f"{API}/orders/{UNKNOWN}/confirm", 500),
        ("PATCH", f"{API}/orders/{UNKNOWN}/cancel", 500),
        ("GET", f"{API}/places/{UNKNOWN}", 404),
        ("PATCH", f"{API}/places/not-a-uuid/select", 422),
        ("PATCH", f"{API}/places/{UNKNOWN}/release", 500),
        ("PATCH", f"{API}/places/not-a-uuid/release", 500),
        ("POST", "/api/admin/v1/places", 422),
    ],
)
async def test_errors_have_no_body(partner: Partner, method: str, path: str, status: int) -> None:
    """An error of a handler is a bare status."""
    answer = await partner.http.request(method, path)

    assert (answer.status_code, answer.content) == (status, b"")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", f"{API}/orders/not-a-uuid/submit"),
        ("PATCH", f"{API}/orders/not-a-uuid/confirm"),
        ("PATCH", f"{API}/orders/not-a-uuid/cancel"),
        ("GET", f"{API}/places/not-a-uuid"),
    ],
)
async def test_malformed_id_that_falls_through(partner: Partner, method: str, path: str) -> None:
    """Where nobody catches it, a malformed id is the server's own 500: text, or JSON if asked."""
    plain = await partner.http.request(method, path)
    as_json = await partner.http.request(method, path, headers={"accept": "application/json"})

    assert (plain.status_code, plain.text) == (500, "Server Error")
    assert as_json.status_code == 500
    assert (as_json.json()["title"], as_json.json()["status"]) == ("Server Error", 500)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/nowhere"),
        ("GET", f"{API}/orders"),
        ("DELETE", f"{API}/orders/{UNKNOWN}"),
        ("POST", f"{API}/places/{UNKNOWN}/select"),
        ("GET", f"{API.upper()}/places"),
    ],
)
async def test_wrong_method_is_an_unknown_route(partner: Partner, method: str, path: str) -> None:
    """There is no 405, and the case of a path matters."""
    plain = await partner.http.request(method, path)
    as_json = await partner.http.request(method, path, headers={"accept": "application/json"})

    title = f"Endpoint {method} {path} not found"
    assert (plain.status_code, plain.text) == (404, title)
    assert (as_json.status_code, as_json.json()) == (
        404,
        {
            "title": title,
            "status": 404,
            "type": "https://javalin.io/documentation#endpointnotfound",
            "details": {},
        },
    )


async def test_trailing_slash(partner: Partner) -> None:
    """A slash at the end is accepted."""
    assert (await partner.http.get(f"{API}/places/")).status_code == 200
    assert (await partner.http.post(f"{API}/orders/")).status_code == 201


async def test_successes(partner: Partner) -> None:
    """Each success has its own status, and only those with something to say have a body."""
    place_id = (await partner.places())[0]["id"]
    started = await partner.http.post(f"{API}/orders")
    order_id = started.json()["order_id"]
    selected = await partner.http.patch(
        f"{API}/places/{place_id}/select", json={"order_id": order_id, "more": 1}
    )
    partner.settle()
    submitted = await partner.http.patch(f"{API}/orders/{order_id}/submit")
    confirmed = await partner.http.patch(f"{API}/orders/{order_id}/confirm")

    assert list(started.json()) == ["order_id"]
    assert (selected.status_code, selected.content) == (204, b"")
    assert (submitted.status_code, submitted.content) == (200, b"")
    assert (confirmed.status_code, confirmed.content) == (200, b"")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b'{"order_id":null}',
        b'{"order_id":7}',
        b'{"order_id":"not-a-uuid"}',
        b'{"order_id":"00000000-0000-4000-8000-0000000000000"}',
    ],
)
async def test_select_needs_an_order_id(partner: Partner, body: bytes) -> None:
    """A select whose body names no order is a 422."""
    place_id = (await partner.places())[0]["id"]

    answer = await partner.http.patch(f"{API}/places/{place_id}/select", content=body)

    assert (answer.status_code, answer.content) == (422, b"")


async def test_select_needs_a_place_id(partner: Partner) -> None:
    """Whatever order it names."""
    order_id = await partner.start()

    assert await partner.select("not-a-uuid", order_id) == 422


async def test_uuid_as_java_reads_it(partner: Partner) -> None:
    """Capital letters and short groups name the same id."""
    place_id = (await partner.places())[0]["id"]
    first, *rest = place_id.upper().split("-")
    shortened = "-".join([first.lstrip("0"), *rest])

    assert (await partner.http.get(f"{API}/places/{shortened}")).status_code == 200
    assert (await partner.http.get(f"{API}/places/1-1-1-1-1")).status_code == 404


@pytest.mark.parametrize(
    ("body", "row", "seat"),
    [
        ({"row": 9, "seat": 8}, 9, 8),
        ({"row": "9", "seat": "-8", "zone": "A"}, 9, -8),
        ({"row": "nine", "seat": None}, 0, 0),
        ({"row": True, "seat": 2.9}, 1, 2),
        ({"row": [], "seat": 10**12}, 0, 0),
        ({"row": 2**31 - 1, "seat": 2**31}, 2**31 - 1, 0),
        ({"row": "-2147483648", "seat": "-2147483649"}, -(2**31), 0),
    ],
)
async def test_create_place(partner: Partner, body: dict[str, object], row: int, seat: int) -> None:
    """A created place is accepted at once and seen later; junk numbers become 0."""
    created = await partner.http.post("/api/admin/v1/places", json=body)
    place_id = created.json()["place_id"]
    hidden = await partner.http.get(f"{API}/places/{place_id}")
    partner.settle()
    shown = await partner.http.get(f"{API}/places/{place_id}")

    assert created.status_code == 202
    assert hidden.status_code == 404
    assert shown.json() == {"id": place_id, "row": row, "seat": seat, "is_free": True}


@pytest.mark.parametrize("body", [{}, {"row": 1}, {"seat": 1}])
async def test_create_place_needs_both_numbers(partner: Partner, body: dict[str, int]) -> None:
    """A place without its row or its seat is a 422."""
    assert (await partner.http.post("/api/admin/v1/places", json=body)).status_code == 422


async def test_two_places_of_one_number(partner: Partner) -> None:
    """Nothing keeps two places apart; both are listed where they belong."""
    await partner.http.post("/api/admin/v1/places", json={"row": 1, "seat": 1})
    partner.settle()

    rows = (await partner.http.get(f"{API}/places?pageSize=1000")).json()

    positions = [(row["row"], row["seat"]) for row in rows]
    assert positions[:3] == [(1, 1), (1, 1), (1, 2)]
    assert len({row["id"] for row in rows}) == 31


async def test_control_view_and_reset(partner: Partner) -> None:
    """Tests see the write side; a reset frees every place under its old id."""
    before = await partner.places()
    order_id = await partner.start()
    await partner.select(before[0]["id"], order_id)
    partner.settle()

    seen = (await partner.http.get("/__emu/orders")).json()
    await partner.http.post("/__emu/reset")
    reset = (await partner.http.get("/__emu/orders")).json()

    assert seen["orders"] == [
        {
            "id": order_id,
            "status": "STARTED",
            "started_at": 1_760_000_000_000,
            "places": [before[0]["id"]],
        }
    ]
    assert (seen["places"], seen["places_held"]) == (30, 1)
    assert (reset["orders"], reset["places_held"]) == ([], 0)
    assert await partner.places() == before


async def test_bounds(clock: FakeClock) -> None:
    """Past their limits orders and places are refused, like any accident: 500."""
    settings = ProviderSettings(rows=1, seats_per_row=1, orders_max=1, now=clock.now)
    app = create_app(dataclasses.replace(settings, places_max=1))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://provider") as http:
        await http.post(f"{API}/orders")
        order = await http.post(f"{API}/orders")
        place = await http.post("/api/admin/v1/places", json={"row": 2, "seat": 1})

    assert (order.status_code, place.status_code) == (500, 500)
