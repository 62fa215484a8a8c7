"""What the merchant may see and set about itself."""

import pytest

from tests.emulators.fakes import Merchant

pytestmark = pytest.mark.anyio

PROFILE = "/api/v1/TeamManagement/profile"
KNOWN = ("demo-merchant", "demo-password")


async def test_profile(merchant: Merchant) -> None:
    """The profile shows no secret."""
    answer = await merchant.http.get(PROFILE, auth=KNOWN)

    content = answer.json()
    assert (answer.status_code, content["teamSlug"]) == (200, "demo-merchant")
    assert "demo-password" not in answer.text
    assert "hook-secret" not in answer.text


async def test_change_of_the_url(merchant: Merchant) -> None:
    """A new notification URL is kept."""
    url = "http://shop/team"
    await merchant.http.put(PROFILE, auth=KNOWN, json={"NotificationUrl": url})

    assert (await merchant.http.get(PROFILE, auth=KNOWN)).json()["notificationUrl"] == url


async def test_change_of_nothing(merchant: Merchant) -> None:
    """A change that names no URL leaves the profile as it is."""
    before = await merchant.http.get(PROFILE, auth=KNOWN)

    after = await merchant.http.put(PROFILE, auth=KNOWN, json={"teamName": "Shop"})

    assert after.json() == before.json()


@pytest.mark.parametrize("url", ["/relative", "http://shop/" + "x" * 2048, 7])
async def test_bad_url(merchant: Merchant, url: object) -> None:
    """A URL that no webhook could be sent to is refused."""
    answer = await merchant.http.put(PROFILE, auth=KNOWN, json={"notificationUrl": url})

    assert answer.status_code == 400
    assert (await merchant.http.get(PROFILE, auth=KNOWN)).json()["notificationUrl"] is None


@pytest.mark.parametrize(
    "authorization",
    [None, "Basic", "Basic !!!", "Bearer abc", "Basic ZGVtby1tZXJjaGFudDp3cm9uZw=="],
)
async def test_stranger(merchant: Merchant, authorization: str | None) -> None:
    """Without the merchant's own name and password there is nothing to see."""
    headers = {"authorization": authorization} if authorization else {}

    answer = await merchant.http.get(PROFILE, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
