"""A long answer is handed over in parts: a body is copied whole for each client, however slow."""

import asyncio
from typing import Any

import pytest

from api.reply import JSON, PART_BYTES, WHOLE_BYTES_MAX, in_parts, reply
from tests.api.rooms import ANN, CONCERT, IDS, Rooms, basic


@pytest.mark.parametrize("more", [1, PART_BYTES, PART_BYTES + 1])
def test_a_long_answer_goes_in_parts(more: int) -> None:
    """All of it, under the same headers."""
    body = bytes(range(256)) * (WHOLE_BYTES_MAX // 256) + b"!" * more
    answer = in_parts(reply(200, JSON, body))
    stream = answer.stream
    assert stream is not None

    async def taken() -> list[bytes]:
        return [part async for part in stream]

    parts = asyncio.run(taken())
    assert (reply(200, JSON, body).headers, b"") == (answer.headers, answer.body)
    assert body == b"".join(parts)
    assert PART_BYTES == max(map(len, parts)) == len(parts[0])


def test_a_short_answer_is_as_it_was() -> None:
    """Nobody needs a task for it."""
    answer = reply(200, JSON, b"!" * WHOLE_BYTES_MAX)
    assert answer is in_parts(answer)


def test_who_reads_nothing_of_a_long_answer_has_one_part_waiting(
    rooms: Rooms, runner: asyncio.Runner
) -> None:
    """Of the documentation, and of a buyer's list, whether it was kept or not."""
    for _ in range(WHOLE_BYTES_MAX // 40):
        rooms.engine.create_booking(user_id=IDS[ANN], event_id=CONCERT, now_ms=rooms.now_ms)

    async def waiting(path: str) -> list[int]:
        sent: list[int] = []
        leaving = asyncio.Event()

        async def receive() -> dict[str, object]:
            await leaving.wait()
            return {"type": "http.disconnect"}

        async def send(part: Any) -> None:
            sent.append(len(part.get("body", b"")))
            if part.get("body"):
                leaving.set()
                await asyncio.Event().wait()

        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": b"",
            "headers": [(b"authorization", basic(ANN))],
            "root_path": "",
        }
        await rooms.app(scope, receive, send)
        return sent

    for path in ("/openapi.json", "/api/bookings", "/api/bookings"):
        assert [0, PART_BYTES] == runner.run(waiting(path))
