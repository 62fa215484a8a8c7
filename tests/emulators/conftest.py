"""Both emulators: in this process, on a clock that the test moves, and as servers."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx
import pytest
from starlette.applications import Starlette

from emulators import gateway, provider
from tests.emulators.fakes import FakeClock, Merchant, Partner, Shop
from torture.servers.child import Server, child
from torture.servers.ports import free_port


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


@contextmanager
def served(name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One emulator as a process of its own, behind a real socket."""
    port = free_port()
    with child(
        ["emulate", name, "--port", str(port)],
        url=f"http://127.0.0.1:{port}",
        ready="/__emu/settings",
        log=tmp_path_factory.mktemp(name) / "log",
    ) as server:
        yield server


@pytest.fixture(scope="module")
def gateway_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served("gateway", tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="module")
def provider_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A small hall: every test begins with a reset, which makes all places anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BILLETTER_EMULATOR_ROWS", "2")
        with served("provider", tmp_path_factory) as server:
            yield server


@pytest.fixture
async def far_merchant(gateway_server: Server) -> AsyncIterator[Merchant]:
    """A merchant of a gateway over HTTP that has just been reset, with no cache in the way."""
    async with httpx.AsyncClient(base_url=gateway_server.url, trust_env=False) as http:
        await http.post("/__emu/reset")
        merchant = Merchant(http)
        await merchant.turn(profile="instant")
        yield merchant


@pytest.fixture
async def far_partner(provider_server: Server, clock: FakeClock) -> AsyncIterator[Partner]:
    """A partner of a provider over HTTP that has just been reset, and whose reads never lag."""

    async def be_silent(answer: httpx.Response) -> None:
        if answer.status_code >= 400 and "/__emu" not in answer.request.url.path:
            assert await answer.aread() == b"", "the provider's errors have no body"

    hooks = {"response": [be_silent]}
    url = provider_server.url
    async with httpx.AsyncClient(base_url=url, event_hooks=hooks, trust_env=False) as http:
        await http.post("/__emu/reset")
        partner = Partner(http, clock)
        await partner.turn(profile="instant")
        yield partner
