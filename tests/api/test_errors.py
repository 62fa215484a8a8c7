"""The table from exceptions to problems is whole, and every problem is told the same way."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from api import problems
from api.errors import PROBLEM_OF, problem_reply
from engine import Rejected
from sagas import errors as saga_errors
from tests.api.rooms import ANN, Rooms


def leaves(kind: type[Exception]) -> Iterator[type[Exception]]:
    """The classes that are raised: those nobody inherits from."""
    below = kind.__subclasses__()
    for one in below:
        yield from leaves(one)
    if not below:
        yield kind


@pytest.mark.parametrize("kind", list(leaves(Rejected)))
def test_every_rejection_has_a_problem(kind: type[Exception]) -> None:
    """A new refusal of the engine can't become a 500 unnoticed."""
    assert kind in PROBLEM_OF


def test_every_refusal_of_a_saga_has_a_problem() -> None:
    """But for the one that only the preloading of places can meet."""
    expected = set(leaves(saga_errors.SagaError)) - {saga_errors.BadPlaces}
    assert expected == {one for one in PROBLEM_OF if issubclass(one, saga_errors.SagaError)}


def test_names_are_unique() -> None:
    """A type stands for one problem."""
    names = [problem.name for problem in problems.ALL]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("problem", problems.ALL, ids=lambda problem: problem.name)
def test_every_problem_has_a_body_and_a_page(rooms: Rooms, problem: problems.Problem) -> None:
    """The body is JSON with the five members; the type leads to a page that explains it."""
    answer = problem.reply(b"id-1", 'a "detail"')
    content = orjson.loads(answer.body)
    assert ["type", "title", "status", "detail", "request_id"] == list(content)
    assert (problem.status, 'a "detail"', "id-1") == (
        answer.status,
        content["detail"],
        content["request_id"],
    )
    page = rooms.call("GET", content["type"])
    assert 200 == page.status
    assert problem.meaning in page.body.decode()


def test_the_unexpected_is_a_500_without_its_reason(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The client gets an id; the log gets the id and the trace."""

    def fail(user_id: int) -> None:
        raise RuntimeError("secret reason")

    monkeypatch.setattr(rooms.engine, "bookings_of", fail)
    answer = rooms.call("GET", "/api/bookings", user=ANN, headers=[(b"x-request-id", b"find-me")])
    assert (500, "internal") == (answer.status, answer.problem)
    assert b"secret" not in answer.body
    logged = capsys.readouterr().out
    assert "find-me" in logged
    assert "secret reason" in logged


def test_nginx_says_what_the_service_would_say() -> None:
    """In each case that it tells of: the same type, title, status, words and time to wait."""
    conf = (Path(__file__).parents[2] / "nginx.conf").read_text()
    told = {
        int(status): orjson.loads(f"{{{body}}}")
        for status, body in re.findall(r"^ +(\d+) '(\"type\".*)';$", conf, re.MULTILINE)
    }
    waits = dict(re.findall(r"^ +(\d+) (\d+);$", conf, re.MULTILINE))
    (caught,) = re.findall(r"error_page ([\d ]+) /nginx/problem;", conf)

    for status, content in told.items():
        (problem,) = [one for one in problems.ALL if content["type"].endswith(f"/{one.name}")]
        assert orjson.loads(problem.reply(b"").body) == {**content, "request_id": ""}
        assert status == problem.status
        asked = dict(problem.headers).get(b"retry-after")
        assert waits.get(str(status)) == (asked and asked.decode())
    kinds_of_400 = {"494", "497"}
    assert set(map(str, told)) | kinds_of_400 == set(caught.split())


def test_cancellation_is_no_problem() -> None:
    """It isn't an Exception, so nobody answers it by mistake."""
    assert not issubclass(asyncio.CancelledError, Exception)
    assert 500 == problem_reply(KeyError("x"), b"id", "GET /").status
