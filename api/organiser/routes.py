"""The calls of organisers; an operator may make them, too."""

from typing import Any

from api import problems
from api.endpoint import Operation
from api.organiser import figures
from api.staff import Role

ROLES = (Role.ORGANISER, Role.OPERATOR)


def operations() -> tuple[Operation[Any], ...]:
    return (
        Operation(
            "GET",
            "/x/analytics",
            figures.show_figures,
            query=figures.figures_query,
            roles=ROLES,
            durable=False,
            problems=(problems.EVENT_NOT_FOUND,),
        ),
    )
