"""The sales figures of an event, in all and by zone, for whoever runs it."""

from collections.abc import Mapping
from typing import NamedTuple

from api.endpoint import Call
from api.query import choice, required_integer
from api.reply import Reply, json_reply
from api.seats import figures_row, money
from engine import Engine, ZoneFigures

_BY = {"zone": True}


class FiguresQuery(NamedTuple):
    event_id: int
    by_zone: bool


def figures_query(values: Mapping[str, str]) -> FiguresQuery:
    return FiguresQuery(required_integer(values, "id"), choice(values, "by", _BY) or False)


def show_figures(call: Call[FiguresQuery]) -> Reply:
    event_id, by_zone = call.input
    engine = call.service.engine
    if by_zone:
        return json_reply(figures_by_zone(engine, event_id))
    return json_reply(figures_row(engine.analytics(event_id)))


def figures_by_zone(engine: Engine, event_id: int) -> dict[str, object]:
    """The figures of the whole, and those of each zone; raises EventNotFound."""
    zones = engine.zones(event_id)
    return {**figures_row(engine.analytics(event_id)), "zones": [*map(_zone, zones)]}


def _zone(zone: ZoneFigures) -> dict[str, object]:
    return {
        "name": zone.name,
        "price": money(zone.price_minor),
        "total_seats": zone.total_seats,
        "sold_seats": zone.sold_seats,
        "reserved_seats": zone.reserved_seats,
        "free_seats": zone.free_seats,
        # A zone has one price, so this is what its sold seats have brought.
        "revenue": money(zone.sold_seats * zone.price_minor),
    }
