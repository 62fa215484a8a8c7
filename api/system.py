"""Health, version, figures of the server itself, and the reset that load tests begin with."""

from importlib.metadata import version

from api.endpoint import Call
from api.obligations import require_operator
from api.problems import NOT_READY, RESET_FORBIDDEN, Refusal
from api.reply import OK_TEXT, TEXT, Reply, json_reply, reply

_VERSION = json_reply({"version": version("billetter")})


async def alive(_: Call[None]) -> Reply:
    return OK_TEXT


async def ready(call: Call[None]) -> Reply:
    """Ready means: every write acknowledged earlier is visible, and new ones are taken."""
    if not call.service.is_ready:
        raise Refusal(NOT_READY)
    return OK_TEXT


async def tell_version(_: Call[None]) -> Reply:
    return _VERSION


async def tell_member(call: Call[None]) -> Reply:
    """Who is asking, of the staff."""
    member = call.service.staff.member(call.headers.get(b"authorization"))
    assert member is not None, "the endpoint has checked the role"
    return json_reply({"name": member.name, "role": member.role})


async def reset(call: Call[None]) -> Reply:
    """Needs no user, so it is refused unless the operator has allowed it."""
    if not call.service.allow_reset:
        raise Refusal(RESET_FORBIDDEN)
    call.service.engine.reset(now_ms=call.now_ms, key=call.key)
    return OK_TEXT


async def metrics(call: Call[None]) -> Reply:
    """In Prometheus' text format."""
    require_operator(call)
    engine, admission = call.service.engine, call.service.admission
    lines = [
        "# HELP billetter_durable_lsn The last record of the log that is on disk.",
        "# TYPE billetter_durable_lsn counter",
        f"billetter_durable_lsn {engine.durable_lsn}",
        "# HELP billetter_payments_unsettled Payments that owe the outside a call.",
        "# TYPE billetter_payments_unsettled gauge",
        f"billetter_payments_unsettled {len(engine.unsettled())}",
        "# HELP billetter_loop_stall_seconds_max The loop's longest stall since the last look.",
        "# TYPE billetter_loop_stall_seconds_max gauge",
        f"billetter_loop_stall_seconds_max {call.service.stalls.take():.4f}",
        "# HELP billetter_calls_admitted Calls about some event whose turn has come.",
        "# TYPE billetter_calls_admitted counter",
        f"billetter_calls_admitted {admission.admitted}",
        "# HELP billetter_calls_waiting Calls that wait behind others of the same event.",
        "# TYPE billetter_calls_waiting gauge",
        f"billetter_calls_waiting {admission.waiting}",
        "# HELP billetter_calls_shed Calls answered 503, because others of their event wait.",
        "# TYPE billetter_calls_shed counter",
        f'billetter_calls_shed{{reason="queue_full"}} {admission.shed_full}',
        f'billetter_calls_shed{{reason="waited_too_long"}} {admission.shed_late}',
    ]
    return reply(200, TEXT, "\n".join([*lines, ""]).encode())
