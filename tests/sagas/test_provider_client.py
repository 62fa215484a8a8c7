"""What is sent to the provider, and what its few statuses mean."""

import asyncio
import json
from typing import Any
from uuid import UUID

import httpx
import pytest

from sagas import ProviderClient
from sagas.outcome import Done, Outcome, Refused, Unknown
from sagas.provider_client import Order, OrderStatus, Place
from tests.sagas.world import a_breaker, reply

ORDER = "0190a0a0-0000-4000-8000-000000000001"
PLACE = "0190a0a0-0000-4000-8000-000000000002"


def call(
    method: str, answer: httpx.Response | httpx.TransportError, *values: Any, **arguments: Any
) -> tuple[Outcome[Any], str, bytes]:
    """Make one call; returns its outcome, "VERB path?query", and the body that was sent."""
    sent: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer

    async def whole() -> Outcome[Any]:
        client = ProviderClient(
            base_url="http://provider.test/team/",
            breaker=a_breaker(),
            transport=httpx.MockTransport(handle),
        )
        outcome: Outcome[Any] = await getattr(client, method)(*values, **arguments)
        await client.aclose()
        return outcome

    outcome = asyncio.run(whole())
    request = sent[0]
    return outcome, f"{request.method} {request.url.raw_path.decode()}", request.content


API = "/team/api/partners/v1"


def test_start() -> None:
    """A new order is known by its id, which must be one."""
    outcome, route, body = call("start", reply(201, {"order_id": ORDER}))
    assert (outcome, route, body) == (Done(ORDER), f"POST {API}/orders", b"")
    assert call("start", reply(200, {"order_id": ORDER}))[0] == Done(ORDER)
    assert isinstance(call("start", reply(201, {"order_id": "../x"}))[0], Unknown)
    assert isinstance(call("start", reply(500, b""))[0], Unknown)


def test_order() -> None:
    """An order is read; one that can't be seen is no failure, because reads lag."""
    content = {"id": ORDER, "status": "STARTED", "places_count": 2, "started_at": 1}
    outcome, route, _ = call("order", reply(200, content), ORDER)
    assert outcome == Done(Order(OrderStatus.STARTED, 2))
    assert route == f"GET {API}/orders/{ORDER}"
    assert call("order", reply(404, b""), ORDER)[0] == Done(None)
    assert isinstance(call("order", reply(500, b""), ORDER)[0], Unknown)
    assert isinstance(call("order", reply(200, {"status": "LOST"}), ORDER)[0], Unknown)


def test_is_free() -> None:
    """A place looks free or not; anything else says nothing."""
    seen = {"id": PLACE, "row": 3, "seat": 4, "is_free": True}
    outcome, route, _ = call("is_free", reply(200, seen), PLACE)
    assert (outcome, route) == (Done(True), f"GET {API}/places/{PLACE}")
    assert call("is_free", reply(200, {**seen, "is_free": False}), PLACE)[0] == Done(False)
    for answer in (reply(404, b""), reply(500, b""), reply(200, {"id": PLACE})):
        assert isinstance(call("is_free", answer, PLACE)[0], Unknown)


def test_select() -> None:
    """A select names the place in its path and the order in its body."""
    outcome, route, body = call("select", reply(204, b""), place=PLACE, order=ORDER)
    assert outcome == Done(None)
    assert route == f"PATCH {API}/places/{PLACE}/select"
    assert json.loads(body) == {"order_id": ORDER}


@pytest.mark.parametrize("command", ["submit", "confirm", "cancel"])
@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Done(None)),
        (202, Done(None)),
        (204, Done(None)),
        (409, Refused(409, "")),
        (404, Unknown("HTTP 404")),
        (422, Unknown("HTTP 422")),
        (500, Unknown("HTTP 500")),
        (301, Unknown("HTTP 301")),
    ],
)
def test_commands(command: str, status: int, outcome: Outcome[None]) -> None:
    """Only 409 is a refusal: 404 and 500 hide too much."""
    ended, route, _ = call(command, reply(status, b""), ORDER)
    assert (ended, route) == (outcome, f"PATCH {API}/orders/{ORDER}/{command}")


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("start", {}),
        ("order", {"order": ORDER}),
        ("is_free", {"place": PLACE}),
        ("select", {"place": PLACE, "order": ORDER}),
        ("submit", {"order": ORDER}),
        ("places", {"page": 1}),
    ],
)
def test_no_answer(method: str, arguments: dict[str, Any]) -> None:
    """Whatever was asked: it may have been done, or not."""
    outcome, _, _ = call(method, httpx.ReadTimeout("lost"), **arguments)
    assert outcome == Unknown("ReadTimeout")


@pytest.mark.parametrize("status", [200, 204, 409, 500])
def test_page_of_a_proxy(status: int) -> None:
    """An answer with a body is not the provider's, whatever its status: nothing is known."""
    outcome, _, _ = call("cancel", reply(status, b"<html>at your service</html>"), ORDER)
    assert isinstance(outcome, Unknown)


def test_places() -> None:
    """A page of places comes with their positions."""
    content = [{"id": PLACE, "row": 3, "seat": 4, "is_free": True}]
    outcome, route, _ = call("places", reply(200, content), page=2)
    assert outcome == Done([Place(UUID(PLACE), 3, 4)])
    assert route == f"GET {API}/places?page=2&pageSize=1000"
    assert isinstance(call("places", reply(200, {"places": []}), page=2)[0], Unknown)
    assert isinstance(call("places", reply(500, b""), page=2)[0], Unknown)
