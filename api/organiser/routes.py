"""The calls of organisers; an operator may make them, too."""

from typing import Any

from api import problems
from api.endpoint import Operation
from api.organiser import dashboard, export, figures, replay
from api.query import id_query


def operations() -> tuple[Operation[Any], ...]:
    return (
        Operation(
            "GET",
            "/x/analytics",
            figures.show_figures,
            query=figures.figures_query,
            for_staff=True,
            durable=False,
            problems=(problems.EVENT_NOT_FOUND,),
        ),
        Operation(
            "GET",
            "/x/events/{id}/sales",
            dashboard.show_sales,
            query=dashboard.sales_query,
            for_staff=True,
            durable=False,
            problems=(problems.EVENT_NOT_FOUND,),
        ),
        Operation(
            "GET",
            "/x/events/{id}/dashboard",
            dashboard.Dashboards().show_dashboard,
            query=id_query,
            for_staff=True,
            durable=False,
            problems=(problems.EVENT_NOT_FOUND, problems.BUSY),
        ),
        Operation(
            "GET",
            "/x/events/{id}/export",
            export.Exports().send_export,
            query=export.export_query,
            for_staff=True,
            durable=False,
            problems=(problems.EVENT_NOT_FOUND,),
        ),
        *_replay_calls(),
    )


def _replay_calls() -> tuple[Operation[Any], ...]:
    path, query = "/x/events/{id}/replay", id_query
    missing = problems.EVENT_NOT_FOUND
    return (
        Operation(
            "POST",
            path,
            replay.begin_replay,
            query=query,
            for_staff=True,
            problems=(missing, problems.NOTHING_TO_REPLAY, problems.REPLAY_BUSY),
        ),
        Operation(
            "GET",
            path,
            replay.show_replay,
            query=query,
            for_staff=True,
            durable=False,
            problems=(missing,),
        ),
        Operation(
            "GET",
            f"{path}/data",
            replay.send_replay,
            query=query,
            for_staff=True,
            durable=False,
            problems=(missing, problems.REPLAY_MISSING),
        ),
    )
