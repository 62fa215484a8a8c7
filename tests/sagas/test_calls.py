"""How the calls to an outside service ended, and how long they took."""

import asyncio
from typing import Any

import pytest

from sagas.calls import Calls, counted
from sagas.gateway_client import CALLS as GATEWAY_CALLS
from sagas.gateway_client import GatewayClient
from sagas.outcome import Done, Outcome, Refused, Unknown
from sagas.provider_client import CALLS as PROVIDER_CALLS
from sagas.provider_client import ProviderClient
from tests.sagas.world import PARTNER, Tell, World


class Client:
    """Its one call takes as long as `seconds` says."""

    def __init__(self, outcome: Outcome[Any], *, seconds: float = 0.0) -> None:
        self.calls = Calls("init", "check")
        self._outcome = outcome
        self._seconds = seconds

    @counted
    async def init(self) -> Outcome[Any]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Loop)
        loop.now += self._seconds
        return self._outcome


class Loop(asyncio.SelectorEventLoop):
    """Whose time passes when a test says so, as a simulation's."""

    now = 0.0

    def time(self) -> float:
        return self.now


def call(client: Client) -> Outcome[Any]:
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(client.init())


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (Done(None), "done"),
        (Refused(409, "TAKEN"), "refused"),
        (Unknown("ReadTimeout"), "unknown"),
    ],
)
def test_each_call_ends_in_one_of_three_ways(outcome: Outcome[Any], word: str) -> None:
    """Whoever made it gets the outcome as it came; what never happened is counted, too."""
    client = Client(outcome)

    assert call(client) is outcome
    words = ("done", "refused", "unknown")
    nothing = {(name, one): 0 for name in ("init", "check") for one in words}
    assert {**nothing, ("init", word): 1} == client.calls.counts
    assert 1 == sum(client.calls.seconds.counts)


def test_it_takes_as_long_as_the_loop_says() -> None:
    """Which in a simulation is no time of the machine's."""
    client = Client(Done(None), seconds=0.3)
    call(client)

    assert 0.3 == client.calls.seconds.total


@pytest.mark.parametrize(
    ("client", "names"), [(GatewayClient, GATEWAY_CALLS), (ProviderClient, PROVIDER_CALLS)]
)
def test_every_call_of_a_client_is_counted(client: type, names: tuple[str, ...]) -> None:
    """One that is added and not counted would be missed by whoever watches."""
    made = {name for name, one in vars(client).items() if hasattr(one, "__wrapped__")}
    public = {
        name
        for name, one in vars(client).items()
        if asyncio.iscoroutinefunction(one) and not name.startswith("_")
    }

    assert {*names} == made == public - {"aclose"}


def test_a_sale_in_calls(tell: Tell) -> None:
    """Each by its name, beside what nobody has answered."""

    async def story(world: World) -> None:
        world.gateway_net.down = True
        order_id = world.initiate(world.book(PARTNER, 1))
        await world.clock.advance(1)
        world.gateway_net.down = False
        await world.clock.advance(20)
        await world.pay(order_id)
        await world.verify(order_id)
        await world.clock.settle()
        assert world.status(order_id) == "CAPTURED CONFIRMED"
        calls = world.sagas.calls()
        assert 1 <= calls["gateway"].counts["init", "unknown"]
        assert 1 == calls["gateway"].counts["init", "done"]
        assert 1 == calls["gateway"].counts["confirm", "done"]
        for call in ("start", "select", "submit", "confirm"):
            assert 1 == calls["provider"].counts[call, "done"], call

    tell(story)
