"""Health, version, who of the staff is asking, and the reset that load tests begin with."""

from importlib.metadata import version

from api.endpoint import Call
from api.problems import NOT_READY, RESET_FORBIDDEN, Refusal
from api.reply import OK_TEXT, Reply, json_reply

VERSION = version("billetter")
_TOLD_VERSION = json_reply({"version": VERSION})


def alive(_: Call[None]) -> Reply:
    """200 as long as the loop turns, whether or not the server is ready."""
    return OK_TEXT


def ready(call: Call[None]) -> Reply:
    """Ready means: every write acknowledged earlier is visible, and new ones are taken."""
    if not call.service.is_ready:
        raise Refusal(NOT_READY)
    return OK_TEXT


def tell_version(_: Call[None]) -> Reply:
    return _TOLD_VERSION


def tell_member(call: Call[None]) -> Reply:
    """Who is asking, of the staff."""
    member = call.service.staff.member(call.headers.get(b"authorization"))
    assert member is not None, "the endpoint has checked the role"
    return json_reply({"name": member.name, "role": member.role})


def reset(call: Call[None]) -> Reply:
    """Needs no user, so it is refused unless the operator has allowed it."""
    if not call.service.allow_reset:
        raise Refusal(RESET_FORBIDDEN)
    call.service.engine.reset(now_ms=call.now_ms, key=call.key)
    return OK_TEXT
