"""What became of the calls to an outside service, and how long they took."""

import asyncio

import pytest

from sagas import wire
from sagas.calls import Calls
from sagas.outcome import Unknown
from tests.sagas.world import PARTNER, Tell, World


@pytest.mark.parametrize(
    ("reply", "became"),
    [
        (wire.Reply(200, b"", 0.0), "done"),
        (wire.Reply(204, b"", 0.0), "done"),
        (wire.Reply(302, b"", 0.0), "refused"),
        (wire.Reply(409, b"", 0.0), "refused"),
        (wire.Reply(429, b"", 5.0), "erred"),
        (wire.Reply(500, b"", 0.0), "erred"),
        (wire.Reply(503, b"", 5.0), "erred"),
        (Unknown("ReadTimeout"), "silent"),
    ],
)
def test_each_call_becomes_one_of_four(reply: wire.Reply | Unknown, became: str) -> None:
    """By its status; whoever asked gets the answer as it came."""

    async def asked() -> wire.Reply | Unknown:
        return reply

    calls = Calls("check", "init")
    assert asyncio.run(calls.counted("init", asked())) is reply
    assert {("init", became)} == {name for name, count in calls.counts.items() if count}
    assert {1} == {*calls.counts.values()} - {0}
    assert 1 == sum(calls.seconds.counts)


def test_it_takes_as_long_as_the_loop_says() -> None:
    """Which in a simulation is no time of the machine's."""

    class Loop(asyncio.SelectorEventLoop):
        now = 0.0

        def time(self) -> float:
            return self.now

    async def asked() -> wire.Reply:
        loop.now += 0.3
        return wire.Reply(200, b"", 0.0)

    loop, calls = Loop(), Calls("check")
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(calls.counted("check", asked()))
    assert 0.3 == calls.seconds.total


def test_a_sale_in_calls(tell: Tell) -> None:
    """Each by the name that the service has for it, beside what nobody has answered."""

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
        assert 1 <= calls["gateway"].counts["init", "silent"]
        assert 1 == calls["gateway"].counts["init", "done"]
        assert 1 == calls["gateway"].counts["confirm", "done"]
        for call in ("start", "select", "submit", "confirm"):
            assert 1 == calls["provider"].counts[call, "done"], call

    tell(story)
