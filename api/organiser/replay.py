"""A sale replayed from the log: begun, asked about, fetched."""

from api.endpoint import Call
from api.organiser.replays import Replay, Replays, ReplayState
from api.problems import NOTHING_TO_REPLAY, Refusal
from api.reply import Reply, file_reply, json_reply

NDJSON = b"application/x-ndjson"


async def begin_replay(call: Call[int]) -> Reply:
    """Have it made of all that is acknowledged by now; at once if nobody else's is being made."""
    engine = call.service.engine
    engine.event(call.input)  # raises EventNotFound
    if not engine.bookings_made(call.input):
        raise Refusal(NOTHING_TO_REPLAY)
    await call.durable()
    return json_reply(_row(call.input, _replays(call).begin(call.input)), 202)


def show_replay(call: Call[int]) -> Reply:
    """How far it is, also when nobody has asked for one; raises EventNotFound."""
    call.service.engine.event(call.input)
    return json_reply(_row(call.input, _replays(call).of(call.input)))


def send_replay(call: Call[int]) -> Reply:
    """The file; what it holds is described in replayer.py."""
    call.service.engine.event(call.input)
    name = b'attachment; filename="event-%d.replay.ndjson"' % call.input
    path = _replays(call).file(call.input)
    return file_reply(path, NDJSON, (b"content-disposition", name))


def _replays(call: Call[int]) -> Replays:
    replays = call.service.replays
    assert replays is not None, "every server has some; only a simulated one has no files"
    return replays


def _row(event_id: int, one: Replay) -> dict[str, object]:
    is_ready = one.state is ReplayState.READY
    return {
        "event_id": event_id,
        "state": one.state,
        "progress": one.percent,
        "data": f"/x/events/{event_id}/replay/data" if is_ready else "",
        "began_at": one.told.began_at,
        "ended_at": one.told.ended_at,
        # False: the beginning has been dropped with the log; see BILLETTER_KEEP_LOG.
        "whole": one.told.whole,
        "changes": one.told.changes,
    }
