"""What the merchant may see and set about itself, and what an administrator does."""

import json
from typing import Any

import pytest
from starlette.applications import Starlette

from emulators.gateway import teams
from tests.emulators.fakes import Merchant, Shop, digest

pytestmark = pytest.mark.anyio

PROFILE = "/api/v1/TeamManagement/profile"
KNOWN = ("demo-merchant", "demo-password")


async def test_profile(merchant: Merchant) -> None:
    """The profile shows no secret."""
    answer = await merchant.http.get(PROFILE, auth=KNOWN)

    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "teamSlug": "demo-merchant",
        "isActive": True,
        "notificationUrl": None,
        "enableWebhooks": True,
        "supportedCurrencies": ["KZT", "USD", "EUR", "BYN", "RUB"],
    }


async def test_change_of_the_url(merchant: Merchant) -> None:
    """A new notification URL is kept, be it as long as can be."""
    url = "http://shop/".ljust(2048, "x")
    await merchant.http.put(PROFILE, auth=KNOWN, json={"NotificationUrl": url})

    assert (await merchant.http.get(PROFILE, auth=KNOWN)).json()["notificationUrl"] == url


async def test_change_of_nothing(merchant: Merchant) -> None:
    """A change that names no URL leaves the profile as it is."""
    before = await merchant.http.get(PROFILE, auth=KNOWN)

    after = await merchant.http.put(PROFILE, auth=KNOWN, json={"teamName": "Shop"})

    assert after.json() == before.json()


@pytest.mark.parametrize("url", ["/relative", "http://shop/".ljust(2049, "x"), 7])
async def test_bad_url(merchant: Merchant, url: object) -> None:
    """A URL that no webhook could be sent to is refused."""
    answer = await merchant.http.put(PROFILE, auth=KNOWN, json={"notificationUrl": url})

    assert answer.status_code == 400
    assert (await merchant.http.get(PROFILE, auth=KNOWN)).json()["notificationUrl"] is None


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Basic",
        "Basic !!!",
        "Basic ZGVtby1tZXJj!aGFudDpkZW1vLXBhc3N3b3Jk",  # good but for the mark
        "Bearer abc",
        "Basic ZGVtby1tZXJjaGFudDp3cm9uZw==",
    ],
)
async def test_stranger(merchant: Merchant, authorization: str | None) -> None:
    """Without the merchant's own name and password there is nothing to see."""
    headers = {"authorization": authorization} if authorization else {}

    answer = await merchant.http.get(PROFILE, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")


REGISTER = "/api/v1/TeamRegistration/register"
ADMIN = {"X-Admin-Token": "demo-admin-token"}
SECOND = {"teamSlug": "second", "password": "other", "notificationUrl": "http://second/hook"}


def second_body(**changes: Any) -> dict[str, Any]:
    """An init of the second team, with the same order id as the first team's."""
    body = {"teamSlug": "second", "amount": 5_000, "orderId": "1001", "currency": "KZT"}
    return body | {"token": digest(5_000, "KZT", "1001", "other", "second")} | changes


async def test_second_merchant(merchant: Merchant, gateway_app: Starlette, shop: Shop) -> None:
    """A registered team signs with its own password, counts its own orders and hears of them."""
    registered = await merchant.http.post(REGISTER, json=SECOND, headers=ADMIN)
    await merchant.new_payment()
    theirs = await merchant.post("PaymentInit/init", second_body())
    twice = await merchant.post("PaymentInit/init", second_body())
    forged = await merchant.post("PaymentInit/init", second_body(token=digest("demo-password")))
    await merchant.pay(theirs.json()["paymentId"], mode="closed")
    await gateway_app.state.desk.webhooks.settle()

    assert (registered.status_code, theirs.status_code) == (201, 200)
    assert (twice.status_code, forged.status_code) == (409, 401)
    assert {"http://second/hook"} == {str(request.url) for request in shop.requests}
    assert {"second"} == {json.loads(request.content)["teamSlug"] for request in shop.requests}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (SECOND | {"teamSlug": "demo-merchant"}, 409),
        (SECOND | {"teamSlug": ""}, 400),
        (SECOND | {"teamSlug": "s" * 51}, 400),
        (SECOND | {"teamSlug": ["second"]}, 400),
        (SECOND | {"password": None}, 400),
        (SECOND | {"password": ""}, 400),
        (SECOND | {"password": 7}, 400),
        (SECOND | {"notificationUrl": "second/hook"}, 400),
    ],
)
async def test_bad_registration(merchant: Merchant, body: dict[str, Any], status: int) -> None:
    """A team that can't be, or is there already, is refused."""
    answer = await merchant.http.post(REGISTER, json=body, headers=ADMIN)

    assert answer.status_code == status
    assert answer.json()["success"] is False


@pytest.mark.parametrize("slug", ["s", "s" * 50])
async def test_team_without_a_url(merchant: Merchant, slug: str) -> None:
    """A team may do without one; its slug has one character or fifty."""
    body = {"teamSlug": slug, "password": "other"}

    answer = await merchant.http.post(REGISTER, json=body, headers=ADMIN)

    assert (answer.status_code, answer.json()["teamSlug"]) == (201, slug)
    assert (answer.json()["success"], answer.json()["notificationUrl"]) == (True, None)


async def test_too_many_teams(merchant: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound a team is refused as if it were there."""
    monkeypatch.setattr(teams, "TEAMS_MAX", 2)

    answers = [
        await merchant.http.post(REGISTER, json=SECOND | {"teamSlug": slug}, headers=ADMIN)
        for slug in ("second", "third")
    ]

    assert [201, 409] == [answer.status_code for answer in answers]


async def test_clear_one_team(merchant: Merchant) -> None:
    """A team's payments are gone and its order ids free again; the others' stay."""
    await merchant.http.post(REGISTER, json=SECOND, headers=ADMIN)
    await merchant.post("PaymentInit/init", second_body())
    await merchant.new_payment()

    answer = await merchant.http.post("/api/v1/Admin/clear-team-data/second", headers=ADMIN)
    unknown = await merchant.http.post("/api/v1/Admin/clear-team-data/third", headers=ADMIN)

    assert answer.json() == {"success": True, "deletedPayments": 1}
    assert unknown.status_code == 404
    ledger = (await merchant.http.get("/__emu/ledger")).json()
    assert [4_000_000] == [row["amount"] for row in ledger["payments"]]
    assert (await merchant.post("PaymentInit/init", second_body())).status_code == 200
    assert (await merchant.init()).status_code == 409


async def test_clear_everything(merchant: Merchant) -> None:
    """No payment is left, and no team but the first; the knobs stay."""
    await merchant.http.post(REGISTER, json=SECOND, headers=ADMIN)
    await merchant.new_payment()
    await merchant.turn(check_cache=False)

    answer = await merchant.http.delete("/api/v1/Admin/clear-database", headers=ADMIN)

    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert (await merchant.http.get("/__emu/ledger")).json()["payments"] == []
    assert (await merchant.post("PaymentInit/init", second_body())).status_code == 401
    assert (await merchant.http.get("/__emu/settings")).json()["check_cache"] is False


@pytest.mark.parametrize(
    "path", ["TeamRegistration/register", "Admin/clear-team-data/x", "Admin/clear-database"]
)
@pytest.mark.parametrize("headers", [{}, {"X-Admin-Token": "guess"}])
async def test_not_an_administrator(merchant: Merchant, path: str, headers: dict[str, str]) -> None:
    """Without the admin token nothing is told and nothing done."""
    await merchant.new_payment()

    answer = await merchant.http.post(f"/api/v1/{path}", json=SECOND, headers=headers)

    assert answer.status_code == 401
    assert len((await merchant.http.get("/__emu/ledger")).json()["payments"]) == 1
