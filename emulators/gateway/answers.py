"""How the gateway says no. It has three layers, asked in this order, each with its own shape.

1. Model validation: 400 `application/problem+json`, before anybody is authenticated.
2. The authentication filter: 401 with `correlationId`.
3. The endpoint itself: its ordinary answer, all fields null, with `success: false`.
"""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from emulators.wire import json_answer


class Refused(Exception):
    """Ends a request with a ready answer."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


async def answer_refused(request: Request, refused: Exception) -> Response:
    """The exception handler of Refused."""
    assert isinstance(refused, Refused)
    return refused.answer


def invalid_model(errors: Mapping[str, list[str]], trace_id: str) -> Refused:
    """Layer 1. `errors` by field name, capitalised."""
    problem = {
        "type": "https://tools.ietf.org/html/rfc9110#section-15.5.1",
        "title": "One or more validation errors occurred.",
        "status": 400,
        "errors": errors,
        "traceId": f"00-{trace_id}-{trace_id[:16]}-00",
    }
    return Refused(json_answer(problem, 400, media_type="application/problem+json; charset=utf-8"))


def unauthenticated(error_code: str, *, correlation_id: str, at: str) -> Refused:
    """Layer 2."""
    answer = {
        "success": False,
        "errorCode": error_code,
        "message": "Token validation failed",
        "details": "Authentication failed for the provided credentials",
        "correlationId": correlation_id,
        "timestamp": at,
    }
    return Refused(json_answer(answer, 401))


def refused(
    blank: Mapping[str, Any], status: int, error_code: str, message: str, description: str
) -> Refused:
    """Layer 3. `blank` is the endpoint's answer with every field null."""
    answer = {
        **blank,
        "success": False,
        "errorCode": error_code,
        "message": message,
        "details": {"description": description},
    }
    return Refused(json_answer(answer, status))
