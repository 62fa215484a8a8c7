"""One request over HTTP, bounded in time and in size; whatever goes wrong is Unknown.

No redirect is followed, no compressed answer is taken and no cookie is kept: neither service sends
one, and each is a way to be led astray.
"""

import asyncio
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import NamedTuple

import httpx
import msgspec

from sagas.lanes import Lanes
from sagas.outcome import Unknown

CONNECT_SECONDS = 1.0
# The largest honest answer is a page of 1,000 places, some 100 KB.
ANSWER_BYTES_MAX = 1_048_576
# A service that asks for a longer pause is asked again after this one all the same.
RETRY_AFTER_SECONDS_MAX = 60.0
_READ = httpx.ByteStream(b"")
OVERLOADED = frozenset({408, 425, 429})


class Reply(NamedTuple):
    """An answer that arrived whole; what it means is its reader's matter."""

    status: int
    body: bytes
    retry_after_s: float


def open_client(
    base_url: str,
    *,
    total_seconds: float,
    connections_max: int,
    transport: httpx.AsyncBaseTransport | None,
) -> httpx.AsyncClient:
    """A client of one service; a transport of the caller's stands in for the network in tests."""
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=httpx.Timeout(total_seconds, connect=CONNECT_SECONDS),
        follow_redirects=False,
        trust_env=False,
        # Each answer might bring another one, and all would be kept, and sent for ever.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        headers={"Accept-Encoding": "identity", "User-Agent": "billetter"},
        transport=transport or Lanes(connections_max),
    )


async def ask(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    *,
    total_seconds: float,
    content: object = None,
) -> Reply | Unknown:
    """Send `content` as JSON (None: no body) and read the answer within `total_seconds`."""
    answer = None
    body = None if content is None else msgspec.json.encode(content)
    headers = {} if body is None else {"Content-Type": "application/json"}
    try:
        # httpx bounds each read; a service that drips a byte a second would never end.
        async with (
            asyncio.timeout(total_seconds),
            client.stream(method, path, content=body, headers=headers) as answer,
        ):
            return await _read(answer)
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as failure:
        return Unknown(type(failure).__name__)
    finally:
        if answer is not None:
            # With its stream it is a circle of 45 objects, which only the collector would find.
            answer.stream = _READ


async def _read(answer: httpx.Response) -> Reply | Unknown:
    chunks: list[bytes] = []
    size = 0
    async for chunk in answer.aiter_raw():
        size += len(chunk)
        if size > ANSWER_BYTES_MAX:
            return Unknown("the answer is too large")
        chunks.append(chunk)
    return Reply(answer.status_code, b"".join(chunks), _retry_after_s(answer))


def _retry_after_s(answer: httpx.Response) -> float:
    """Seconds only; the other form, a date, is not worth trusting two clocks for."""
    written = answer.headers.get("Retry-After", "")
    if not (written.isascii() and written.isdigit()):
        return 0.0
    return min(float(written), RETRY_AFTER_SECONDS_MAX)


def unknown(reply: Reply, reason: str = "") -> Unknown:
    """An answer that settles nothing."""
    return Unknown(reason or f"HTTP {reply.status}", reply.retry_after_s)
