"""The operator's calls."""

from typing import Any

from api import problems
from api.endpoint import Operation
from api.operator.metrics import metrics
from api.operator.obligations import retry_parked, show_obligations
from api.operator.status import show_status


def operations() -> tuple[Operation[Any], ...]:
    """No user makes them: who may is checked by `require_operator`, for loopback may."""
    calls = (
        ("GET", "/x/sagas", show_obligations),
        ("POST", "/x/sagas/retry", retry_parked),
        ("GET", "/x/status", show_status),
        ("GET", "/metrics", metrics),
    )
    return tuple(
        Operation(
            method,
            path,
            handler,
            public=True,
            durable=False,
            limited=path != "/metrics",
            problems=(problems.OPERATOR_ONLY,),
        )
        for method, path, handler in calls
    )
