"""A command asks a running server: on its own machine, as an operator does."""

from collections.abc import Mapping
from typing import Any

import httpx

from api.store import StoreError

ASK_SECONDS = 10.0


def ask(method: str, url: str, path: str, *, otherwise: str) -> Mapping[str, Any]:
    """The JSON of the answer; raises StoreError, which says what to do `otherwise`."""
    try:
        answer = httpx.request(method, url.rstrip("/") + path, timeout=ASK_SECONDS, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as failure:
        reason = f"no server answers at {url} ({type(failure).__name__})"
        raise StoreError(f"{reason}; {otherwise}") from None
    if answer.status_code == 503:
        raise StoreError(f"{url} is not ready: it recovers, or it stops; ask again in a moment")
    if answer.status_code != 200:
        raise StoreError(f"{url}{path} answers {answer.status_code}; ask on the server's machine")
    found: Mapping[str, Any] = answer.json()
    return found
