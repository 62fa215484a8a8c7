"""The files of web/, served from memory.

A page is asked for anew each time and answered 304 when it is the same. What it loads lies below
an address that names the digest of all files: it never changes, so a browser keeps it for ever, and
no page of today meets a script of yesterday. Imports are relative, so they stay below it. All are
compressed once, for browsers that take it so: a third of the bytes.
"""

import gzip
import re
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import web
from api.endpoint import Call, Operation
from api.reply import HTML, Header, Reply, reply, security

MEDIA_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}
_SECURITY = security()
_ASKED_ANEW: Header = (b"cache-control", b"no-cache")
_KEPT: Header = (b"cache-control", b"public, max-age=31536000, immutable")

_GZIP = re.compile(rb"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))")
_MODULE = re.compile(r'<script type="module" src="/web/([^"]+)"></script>')
_IMPORT = re.compile(r'^(?:import|export)\b[^;]*?from "(\.[^"]+)"', re.MULTILINE)


def operations() -> tuple[Operation[Any], ...]:
    """One for every file: pages by their name, all else below /web/<digest>/."""
    contents = {path.relative_to(web.ROOT): path.read_bytes() for path in web.files()}
    base = f"/web/{_digest(contents)}/"
    made = []
    for path, content in contents.items():
        if path.suffix == ".html":
            address = "/" if path.stem == "index" else f"/{path.stem}"
            made.append(_page(address, _linked(content.decode(), base, contents).encode()))
        else:
            kept_at = base + path.as_posix()
            made.append(_operation(kept_at, MEDIA_TYPES[path.suffix], content, _KEPT))
    return tuple(made)


def _page(address: str, html: bytes) -> Operation[Any]:
    tag = b'"%b"' % blake2b(html, digest_size=12).hexdigest().encode()
    # Weak: compressed or not, it is the same page.
    return _operation(address, HTML, html, _ASKED_ANEW, (b"etag", b"W/" + tag), tag=tag)


def _operation(
    address: str, media_type: bytes, content: bytes, *headers: Header, tag: bytes = b""
) -> Operation[Any]:
    """Answers `content`, or 304 to whoever names its `tag`, or any by an asterisk."""
    every = (*_SECURITY, (b"vary", b"accept-encoding"), *headers)
    plain = reply(200, media_type, content, *every)
    packed = gzip.compress(content, mtime=0)
    small = reply(200, media_type, packed, (b"content-encoding", b"gzip"), *every)
    same = Reply(304, tuple(one for one in plain.headers if one[0] != b"content-length"), b"")

    def answer(call: Call[None]) -> Reply:
        named = call.headers.get(b"if-none-match", b"")
        if tag and (tag in named or named == b"*"):
            return same
        return small if _takes_gzip(call.headers) else plain

    return Operation("GET", address, answer, public=True, durable=False, documented=False)


def _takes_gzip(headers: Mapping[bytes, bytes]) -> bool:
    return _GZIP.search(headers.get(b"accept-encoding", b"")) is not None


def _digest(contents: dict[Path, bytes]) -> str:
    digest = blake2b(digest_size=9)
    for path, content in contents.items():
        digest.update(b"%b %d\n" % (path.as_posix().encode(), len(content)))
        digest.update(content)
    return digest.hexdigest()


def _linked(html: str, base: str, contents: dict[Path, bytes]) -> str:
    """The page with addresses below `base`, and its modules told of before they import each other.

    A phone would else learn of each only when the one that imports it has come.
    """
    found: list[Path] = []
    for name in _MODULE.findall(html):
        _follow(Path(name), contents, found)
    links = "".join(f'<link rel="modulepreload" href="/web/{one.as_posix()}">\n' for one in found)
    return html.replace("</head>", f"{links}</head>").replace('"/web/', f'"{base}')


def _follow(module: Path, contents: dict[Path, bytes], found: list[Path]) -> None:
    if module in found:
        return
    found.append(module)
    for name in _IMPORT.findall(contents[module].decode()):
        parts: list[str] = []
        for part in (module.parent / name).parts:
            parts = parts[:-1] if part == ".." else [*parts, part]
        _follow(Path(*parts), contents, found)
