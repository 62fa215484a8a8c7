"""`/__emu/…`: what a test may do and see. No real service has these."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from emulators.provider.box_office import office_of
from emulators.wire import json_answer, read_control


async def orders(request: Request) -> Response:
    office = office_of(request)
    return json_answer(
        {
            "orders": office.orders(),
            "places": len(office.venue),
            "places_held": office.venue.held_count(),
            "place_consumer_stopped": office.pipeline.places.stopped,
        }
    )


async def foreign(request: Request) -> Response:
    """Another partner takes the place, or releases it, whoever holds it."""
    office, asked = office_of(request), await read_control(request)
    acts = {"take": office.foreign.take, "release": office.release}
    place_id, action = asked.get("place_id"), asked.get("action", "take")
    if not (isinstance(place_id, str) and action in ("take", "release")):
        raise HTTPException(400, "A place_id, and an action that is take or release.")
    acts[action](place_id)
    return json_answer({"place_id": place_id, "action": action})


async def reset(request: Request) -> Response:
    office_of(request).reset()
    return json_answer({"reset": True})
