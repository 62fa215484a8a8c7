"""Both emulators in this process, on a clock that the test moves."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from emulators import gateway, provider
from tests.emulators.fakes import FakeClock, Merchant, Partner, Shop


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def gateway_settings(clock: FakeClock, shop: Shop) -> gateway.GatewaySettings:
    return gateway.GatewaySettings(
        base_url="http://gateway",
        webhook_secret="hook-secret",
        now=clock.now,
        sleep=clock.sleep,
        transport=httpx.MockTransport(shop),
    )


@pytest.fixture
def gateway_app(gateway_settings: gateway.GatewaySettings) -> Starlette:
    return gateway.create_app(gateway_settings)


@pytest.fixture
async def merchant(gateway_app: Starlette) -> AsyncIterator[Merchant]:
    transport = httpx.ASGITransport(gateway_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
        yield Merchant(http)
    await gateway_app.state.desk.webhooks.close()


@pytest.fixture
def provider_app(clock: FakeClock) -> Starlette:
    settings = provider.ProviderSettings(rows=3, seats_per_row=10, now=clock.now, sleep=clock.sleep)
    return provider.create_app(settings)


@pytest.fixture
async def partner(provider_app: Starlette, clock: FakeClock) -> AsyncIterator[Partner]:
    transport = httpx.ASGITransport(provider_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://provider") as http:
        yield Partner(http, clock)
