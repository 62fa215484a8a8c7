"""A reply as the server sends it: a status, finished headers, a body. Nothing here decides one."""

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson
from starlette.types import Message

Header = tuple[bytes, bytes]

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"
HTML = b"text/html; charset=utf-8"
EVENTS = b"text/event-stream"
# What is longer goes in parts. Of these the server takes half a dozen before the client reads.
WHOLE_BYTES_MAX = 262_144
PART_BYTES = 16_384


class Reply(NamedTuple):
    """Made once and sent often, wherever the body is always the same."""

    status: int
    headers: tuple[Header, ...]
    body: bytes
    # A file's path instead of a body. The server reads it as fast as the client does; a body is
    # copied whole for each client, however slow.
    file: str = ""
    # Parts instead of a body, until one side has enough; `streams.py` sends them.
    stream: AsyncGenerator[bytes, None] | None = None


def reply(status: int, media_type: bytes, body: bytes, *headers: Header) -> Reply:
    """A reply of `media_type` with its length, and further headers."""
    length = b"%d" % len(body)
    return Reply(
        status, ((b"content-type", media_type), (b"content-length", length), *headers), body
    )


def file_reply(path: Path, media_type: bytes, *headers: Header) -> Reply:
    """What the file holds; it must stay as it is."""
    length = b"%d" % path.stat().st_size
    every = ((b"content-type", media_type), (b"content-length", length), *headers)
    return Reply(200, every, b"", str(path))


def stream_reply(media_type: bytes, parts: AsyncGenerator[bytes, None], *headers: Header) -> Reply:
    """What `parts` gives, as it comes; nginx is told to let it through at once."""
    every = ((b"content-type", media_type), (b"x-accel-buffering", b"no"), *headers)
    return Reply(200, every, b"", stream=parts)


def in_parts(answer: Reply) -> Reply:
    """The same, a part at a time where it is long.

    A thousand clients who read nothing of six megabytes would take six gigabytes.
    """
    if len(answer.body) <= WHOLE_BYTES_MAX:
        return answer
    return answer._replace(body=b"", stream=_parts(answer.body))


async def _parts(body: bytes) -> AsyncGenerator[bytes, None]:
    for first in range(0, len(body), PART_BYTES):
        yield body[first : first + PART_BYTES]


def security(styles: bytes = b"'self'") -> tuple[Header, ...]:
    """Headers of what a browser shows: it asks this server alone, and tells no other of it."""
    policy = (
        b"default-src 'none'; script-src 'self'; style-src %b; img-src 'self' data:; "
        b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return (
        (b"content-security-policy", policy % styles),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
    )


def json_reply(content: object, status: int = 200) -> Reply:
    """`content` as JSON."""
    return reply(status, JSON, orjson.dumps(content))


def compact(answer: Reply) -> Reply:
    """The same, for whoever keeps it: what orjson gives takes 4 KB, however short it is."""
    return answer._replace(body=b"%b" % answer.body)


def message(text: str) -> Reply:
    """What the contract's changing calls answer: {"message": …}."""
    return json_reply({"message": text})


OK_TEXT = reply(200, TEXT, b"OK")


def start(answer: Reply, more: Sequence[Header]) -> Message:
    """The message that begins `answer`, with `more` headers."""
    headers = [*answer.headers, *more]
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


def rest(answer: Reply, *, head: bool) -> Message:
    """The message that ends it; to HEAD there is nothing more to say."""
    if answer.file and not head:
        return {"type": "http.response.pathsend", "path": answer.file}
    return {"type": "http.response.body", "body": b"" if head else answer.body}
