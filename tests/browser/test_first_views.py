"""What a page asks of a phone's data plan when it is opened for the first time."""

import pytest

from bench.opened import Shop
from bench.pages import ADDRESSES, first_view
from tests.browser.conftest import Invite

pytestmark = [pytest.mark.browser, pytest.mark.server]
BYTES_MAX = 150_000


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_first_view_is_small(shop: Shop, invite: Invite, name: str) -> None:
    """On the wire, with words, map and figures; each file is asked for once."""
    asked: list[str] = []
    anna = invite(shop)
    anna.page.on("request", lambda request: asked.append(request.url.partition("?")[0]))
    view = first_view(anna, ADDRESSES[name])
    assert 10_000 < view["bytes"] < BYTES_MAX
    files = [one for one in asked if "/web/" in one]
    assert len(set(files)) == len(files) > 10
