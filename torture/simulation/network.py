"""What lies between two programs: it loses, delays, repeats and reorders, as the seed says.

The fate of an exchange is drawn when it begins, always by the same number of draws, so that it
doesn't depend on how long anybody takes. A request whose sender is gone still arrives.
"""

import asyncio
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any, NamedTuple

import httpx
import msgspec

from emulators.faults import GARBAGE

USUAL_SECONDS = (0.001, 0.03)
# The longest that a request or an answer is under way. Our sagas rely on such a bound: what they
# have given up is taken for over after some more seconds.
LATE_SECONDS_MAX = 9.0

_UUID = re.compile(r"([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

Header = tuple[bytes, bytes]


class Request(NamedTuple):
    """`target` is a path, with a query if there is one."""

    method: str
    target: str
    headers: tuple[Header, ...] = ()
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.method} " + _UUID.sub(r"\1", self.target)


class Answer(NamedTuple):
    """Names of headers are in lower case."""

    status: int
    headers: tuple[Header, ...] = ()
    body: bytes = b""

    @property
    def json(self) -> Any:
        """Raises msgspec.MsgspecError or UnicodeDecodeError."""
        return msgspec.json.decode(self.body)

    def header(self, name: bytes) -> str:
        return dict(self.headers).get(name, b"").decode()


class Unreachable(Exception):
    """Nobody listens there."""


class NoAnswer(Exception):
    """None came in time: the request may have arrived or not."""


class Outage(NamedTuple):
    """From one virtual second to another nobody is there; `is_silent`: not even to say so."""

    begins_s: float
    ends_s: float
    is_silent: bool


class Weather(NamedTuple):
    """How often what happens to one exchange."""

    lost: float = 0.0  # each way
    repeated: float = 0.0
    slow: float = 0.0  # each way, anything up to LATE_SECONDS_MAX
    spoiled: float = 0.0  # something between answers in the service's place
    outages: tuple[Outage, ...] = ()


CLEAR = Weather()
SPOILED = (
    Answer(500),
    Answer(502, body=b"<html>502 Bad Gateway</html>"),
    Answer(503, ((b"retry-after", b"2"),)),
    Answer(429, ((b"retry-after", b"1"),)),
    Answer(200, ((b"content-type", b"application/json"),), GARBAGE),
)


class Fate(NamedTuple):
    """Of one exchange. Seconds count from its beginning, and `back_s` from the answer."""

    arrives_s: float | None  # None: never
    again_s: float | None
    back_s: float | None
    is_second_told: bool  # the answer to the repetition, not to the first
    spoiled: Answer | None
    is_spoiled_before: bool  # the service has not even seen the request


Service = Callable[[Request], Awaitable[Answer]]
Tell = Callable[[str, str], None]


class Link:
    """The way to one service. It is perfect from `clears_at_s` on."""

    def __init__(
        self,
        name: str,
        service: Service,
        *,
        loop: asyncio.AbstractEventLoop,
        rng: random.Random,
        weather: Weather,
        clears_at_s: float,
        tell: Tell,
        happened: Counter[str],
    ) -> None:
        self._name = name
        self._service = service
        self._loop = loop
        self._rng = rng
        self._weather = weather
        self._clears_at_s = clears_at_s
        self._tell = tell
        self._happened = happened
        # What arrives is worked off in nobody's life: its sender may be dead by then.
        self._outside = copy_context()

    async def exchange(
        self, request: Request, *, patience_s: float, may_repeat: bool = True
    ) -> Answer:
        """The service's answer. Raises Unreachable, or NoAnswer after `patience_s`."""
        fate = self._fate(may_repeat=may_repeat)
        if (outage := self._outage()) is not None:
            self._happened["met an outage"] += 1
            await asyncio.sleep(patience_s if outage.is_silent else 0.0)
            raise NoAnswer if outage.is_silent else Unreachable
        if fate.spoiled is not None and fate.is_spoiled_before:
            self._tell(self._name, f"{request}: {fate.spoiled.status} by something between")
            await asyncio.sleep(USUAL_SECONDS[1])
            return fate.spoiled
        waiter: asyncio.Future[Answer] = self._loop.create_future()
        is_second_told = fate.is_second_told and fate.again_s is not None
        self._send(request, fate.arrives_s, fate, None if is_second_told else waiter)
        self._send(request, fate.again_s, fate, waiter if is_second_told else None)
        try:
            async with asyncio.timeout(patience_s):
                return await waiter
        except TimeoutError:
            self._tell(self._name, f"{request}: no answer within {patience_s:g} s")
            raise NoAnswer from None

    def _send(
        self,
        request: Request,
        after_s: float | None,
        fate: Fate,
        waiter: asyncio.Future[Answer] | None,
    ) -> None:
        if after_s is not None:
            self._loop.call_later(
                after_s, self._arrive, request, fate, waiter, context=self._outside.copy()
            )

    def _arrive(self, request: Request, fate: Fate, waiter: asyncio.Future[Answer] | None) -> None:
        if self._outage() is None:
            self._loop.create_task(self._work_off(request, fate, waiter))

    async def _work_off(
        self, request: Request, fate: Fate, waiter: asyncio.Future[Answer] | None
    ) -> None:
        try:
            answer = await self._service(request)
        except Unreachable:
            return
        answer = fate.spoiled or answer
        told = "" if waiter and not waiter.done() else ", and nobody waits for it"
        lost = "" if fate.back_s else ", and it is lost"
        self._tell(self._name, f"{request}: {answer.status}{lost or told}")
        if fate.back_s is not None:
            await asyncio.sleep(fate.back_s)
            if waiter is not None and not waiter.done():
                waiter.set_result(answer)

    def _fate(self, *, may_repeat: bool) -> Fate:
        rng = self._rng
        weather = CLEAR if self._loop.time() >= self._clears_at_s else self._weather
        chances = [rng.random() for _ in range(7)]
        there_s, again_s, back_s = (self._way_s(weather) for _ in range(3))
        is_lost, is_answer_lost = chances[0] < weather.lost, chances[1] < weather.lost
        is_repeated = may_repeat and chances[2] < weather.repeated
        is_spoiled = chances[3] < weather.spoiled
        self._happened["requests lost"] += is_lost
        self._happened["answers lost"] += is_answer_lost
        self._happened["requests repeated"] += is_repeated
        self._happened["answers spoiled"] += is_spoiled
        return Fate(
            arrives_s=None if is_lost else there_s,
            again_s=again_s if is_repeated else None,
            back_s=None if is_answer_lost else back_s,
            is_second_told=chances[4] < 0.5,
            spoiled=SPOILED[int(chances[5] * len(SPOILED))] if is_spoiled else None,
            is_spoiled_before=chances[6] < 0.5,
        )

    def _way_s(self, weather: Weather) -> float:
        rng = self._rng
        usual_s, late_s = rng.uniform(*USUAL_SECONDS), rng.uniform(0, LATE_SECONDS_MAX)
        return late_s if rng.random() < weather.slow else usual_s

    def _outage(self) -> Outage | None:
        now_s = self._loop.time()
        if now_s >= self._clears_at_s:
            return None
        within = (one for one in self._weather.outages if one.begins_s <= now_s < one.ends_s)
        return next(within, None)


class Courier(httpx.AsyncBaseTransport):
    """What an httpx client takes for its network."""

    def __init__(self, link: Link, *, patience_s: float) -> None:
        self._link = link
        self._patience_s = patience_s

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        sent = Request(
            request.method,
            request.url.raw_path.decode(),
            tuple((name.lower(), value) for name, value in request.headers.raw),
            await request.aread(),
        )
        try:
            answer = await self._link.exchange(sent, patience_s=self._patience_s)
        except Unreachable:
            raise httpx.ConnectError("refused", request=request) from None
        except NoAnswer:
            raise httpx.ReadTimeout("silence", request=request) from None
        return httpx.Response(
            answer.status, headers=list(answer.headers), stream=httpx.ByteStream(answer.body)
        )


async def ask_app(app: Any, request: Request) -> Answer:
    """The answer of an ASGI application that runs in this process."""
    path, _, query = request.target.partition("?")
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": list(request.headers),
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 80),
    }
    incoming = [{"type": "http.request", "body": request.body, "more_body": False}]
    start: dict[str, Any] = {}
    body = bytearray()

    async def receive() -> Any:
        return incoming.pop() if incoming else await asyncio.get_running_loop().create_future()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            body.extend(message.get("body", b""))

    await app(scope, receive, send)
    headers = tuple((name.lower(), value) for name, value in start["headers"])
    return Answer(start["status"], headers, bytes(body))
