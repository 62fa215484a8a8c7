"""The waiting room: lots before the opening, a queue after it, and tokens that restore a place."""

import hashlib
import hmac
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.fairness import waiting_room
from api.fairness.waiting_room import KeptRoom, RoomFull, Stage, WaitingRoom

NOW_MS = 1_800_000_000_000
OPENS_MS = NOW_MS + 60_000
PASS_MS = 600_000
SEED, KEY = b"s" * 32, b"k" * 32
ANN, BOB, EVA = 1, 2, 3


def new_room(
    *, opens_at_ms: int = NOW_MS, per_minute: int = 600, seed: bytes = SEED
) -> WaitingRoom:
    return WaitingRoom(
        7,
        opens_at_ms=opens_at_ms,
        per_minute=per_minute,
        pass_minutes=PASS_MS // 60_000,
        seed=seed,
        key=KEY,
    )


def after_a_restart(room: WaitingRoom, reserved: int = 0) -> WaitingRoom:
    """The room of the same file, without its people."""
    raw = msgspec.json.encode(room.kept(reserved))
    return WaitingRoom.restored(msgspec.json.decode(raw, type=KeptRoom))


def ahead(room: WaitingRoom, user_id: int, now_ms: int, token: str = "") -> int:
    return room.place(user_id, token, now_ms).ahead


# A queue


def test_they_are_let_in_one_after_another() -> None:
    """Who comes first goes first; each is told how many are ahead and how long it takes."""
    room = new_room()
    places = [room.place(user_id, "", NOW_MS) for user_id in (ANN, BOB, EVA)]
    assert [
        (Stage.ADMITTED, 0, 0, 0, NOW_MS + 100 + PASS_MS),
        (Stage.WAITING, 1, 0, 1, 0),
        (Stage.WAITING, 2, 1, 1, 0),
    ] == places
    assert [True, False, False] == [room.admits(one, NOW_MS) for one in (ANN, BOB, EVA)]
    assert room.admits(BOB, NOW_MS + 100)
    assert not room.admits(EVA, NOW_MS + 199)
    assert room.admits(EVA, NOW_MS + 200)


@pytest.mark.parametrize(
    ("later_ms", "waiting", "seconds"),
    [(0, 2, 3), (999, 2, 3), (1_000, 1, 2), (2_000, 0, 1), (3_000, 0, 0), (60_000, 0, 0)],
)
def test_everybody_sees_how_many_wait_and_how_long(
    later_ms: int, waiting: int, seconds: int
) -> None:
    """Three came at once, one is called a second: a fourth would come in after so long."""
    room, now_ms = new_room(per_minute=60), NOW_MS + later_ms
    for user_id in (ANN, BOB, EVA):
        room.place(user_id, "", NOW_MS)
    assert (waiting, seconds) == (room.waiting(now_ms), room.estimate_seconds(now_ms))
    assert seconds == room.place(4, "", now_ms).estimate_seconds


def test_asking_again_changes_nothing() -> None:
    """One place a user, however often he asks, with his token or without."""
    room = new_room()
    for user_id in (ANN, BOB, EVA):
        room.place(user_id, "", NOW_MS)
    for token in ("", room.token(EVA), room.token(BOB), "nonsense"):
        assert 1 == ahead(room, EVA, NOW_MS, token)
    assert (3, 3) == (len(room), room.given)


def test_turns_that_nobody_took_let_no_crowd_in() -> None:
    """After ten quiet minutes one goes in at once and the next waits for his turn."""
    room = new_room()
    later_ms = NOW_MS + 600_000
    assert [Stage.ADMITTED, Stage.WAITING] == [
        room.place(user_id, "", later_ms).stage for user_id in (ANN, BOB)
    ]


def test_a_pass_lasts_so_long_and_whoever_stays_away_loses_it() -> None:
    """Then he is behind all others, with his old token, too."""
    room = new_room(per_minute=1)
    until_ms = room.place(ANN, "", NOW_MS).admitted_until_ms
    assert NOW_MS + 60_000 + PASS_MS == until_ms
    token = room.token(ANN)
    for user_id in range(10, 30):
        room.place(user_id, "", NOW_MS)
    assert room.admits(ANN, until_ms - 1)
    assert not room.admits(ANN, until_ms)
    found = room.place(ANN, token, until_ms)
    assert (Stage.WAITING, 21 - room.schedule.called(until_ms)) == (found.stage, found.ahead)


def test_a_late_turn_has_the_whole_pass() -> None:
    """Whoever comes to a turn that was called a while ago loses nothing by it."""
    room = new_room(per_minute=1)
    late_ms = NOW_MS + 59_000
    assert room.place(ANN, "", late_ms).admitted_until_ms >= late_ms + PASS_MS


def test_nobody_comes_in_who_hasn_t_asked() -> None:
    """Not even while the room is empty."""
    assert not new_room().admits(ANN, NOW_MS + 100_000)


def test_a_full_room_takes_nobody_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who are in it keep their places."""
    monkeypatch.setattr(waiting_room, "PEOPLE_MAX", 2)
    room = new_room()
    room.place(ANN, "", NOW_MS)
    room.place(BOB, "", NOW_MS)
    with pytest.raises(RoomFull):
        room.place(EVA, "", NOW_MS)
    assert 2 == room.given
    assert 0 == ahead(room, BOB, NOW_MS)


# The draw


def test_before_the_opening_all_are_equal() -> None:
    """Nobody is told a place, and nobody is let in."""
    room = new_room(opens_at_ms=OPENS_MS)
    assert (Stage.BEFORE, 0, 0, 60, 0) == room.place(ANN, "", NOW_MS)
    assert not room.admits(ANN, NOW_MS)
    assert (1, None) == (room.waiting(NOW_MS), room.drawn)


def test_the_opening_waits_for_nobody_s_question() -> None:
    """Whoever was gathered is let in by the clock alone."""
    room = new_room(opens_at_ms=OPENS_MS)
    room.place(ANN, "", NOW_MS)
    assert not room.admits(ANN, OPENS_MS - 1)
    assert room.admits(ANN, OPENS_MS)


def test_anybody_can_check_the_draw() -> None:
    """From the seed that was promised, his own number and how many there were."""
    room = new_room(opens_at_ms=OPENS_MS)
    people = range(1, 101)
    for user_id in people:
        room.place(user_id, "", NOW_MS)
    assert hashlib.sha256(SEED).hexdigest() == room.commitment
    for user_id in people:
        drawn = hmac.new(SEED, str(user_id).encode(), "sha256").digest()[:8]
        number = int.from_bytes(drawn) * 100 // 2**64
        assert max(0, number - 1) == ahead(room, user_id, OPENS_MS)


def test_who_comes_later_is_behind_all_who_were_drawn() -> None:
    """By arrival."""
    room = new_room(opens_at_ms=OPENS_MS)
    for user_id in range(1, 101):
        room.place(user_id, "", NOW_MS)
    assert [99, 100] == [ahead(room, user_id, OPENS_MS) for user_id in (1_000, 999)]


@given(st.permutations(range(1, 40)), st.binary(min_size=32, max_size=32))
def test_the_draw_knows_no_order_of_arrival(arrivals: list[int], seed: bytes) -> None:
    """The same people have the same places, whoever came first; other seeds, other places."""

    def places(order: list[int]) -> list[int]:
        room = new_room(opens_at_ms=OPENS_MS, seed=seed)
        for user_id in order:
            room.place(user_id, "", NOW_MS)
        return [ahead(room, user_id, OPENS_MS) for user_id in sorted(order)]

    assert places(sorted(arrivals)) == places(arrivals)


def test_the_draw_is_even() -> None:
    """Of ten thousand who came in a row, each tenth of them is in the first half as often."""
    room = new_room(opens_at_ms=OPENS_MS)
    for user_id in range(10_000):
        room.place(user_id, "", NOW_MS)
    first_half = [ahead(room, user_id, OPENS_MS) < 5_000 for user_id in range(10_000)]
    tenths = [sum(first_half[start : start + 1_000]) for start in range(0, 10_000, 1_000)]
    assert all(430 < one < 570 for one in tenths)  # 4.4 standard deviations; the seed is fixed


def test_the_opening_can_be_moved_until_it_is_there() -> None:
    """Those who were gathered stay, and are called from then on, at the new pace."""
    room = new_room(opens_at_ms=OPENS_MS)
    for user_id in (ANN, BOB, EVA):
        room.place(user_id, "", NOW_MS)
    later_ms = OPENS_MS + 60_000
    room.change(opens_at_ms=later_ms, per_minute=60, pass_minutes=1, now_ms=NOW_MS)
    assert Stage.BEFORE == room.place(ANN, "", OPENS_MS).stage
    assert (later_ms, 60) == (room.schedule.from_ms, room.schedule.per_minute)
    assert {Stage.ADMITTED, Stage.WAITING} == {
        room.place(user_id, "", later_ms).stage for user_id in (ANN, BOB, EVA)
    }


def test_an_opening_that_is_past_isn_t_moved() -> None:
    """Though nobody had asked since: those who were gathered have their numbers."""
    room = new_room(opens_at_ms=OPENS_MS)
    room.place(ANN, "", NOW_MS)
    room.change(opens_at_ms=OPENS_MS + 1, per_minute=600, pass_minutes=1, now_ms=OPENS_MS)
    assert (OPENS_MS, 1) == (room.opens_at_ms, room.drawn)
    assert room.admits(ANN, OPENS_MS)


def test_the_length_of_a_pass_may_change() -> None:
    """Of those who are in, too."""
    room = new_room()
    room.place(ANN, "", NOW_MS)
    room.change(opens_at_ms=NOW_MS, per_minute=600, pass_minutes=1, now_ms=NOW_MS)
    assert NOW_MS + 100 + 60_000 == room.place(ANN, "", NOW_MS).admitted_until_ms


# Tokens and restarts


def test_a_token_restores_a_place_exactly() -> None:
    """After a restart all who come with theirs stand where they stood; others behind them."""
    room = new_room()
    people = range(1, 21)
    before = {user_id: ahead(room, user_id, NOW_MS) for user_id in people}
    tokens = {user_id: room.token(user_id) for user_id in people}
    again = after_a_restart(room, reserved=64)
    assert not any(again.admits(user_id, NOW_MS) for user_id in people)
    assert 83 == ahead(again, 99, NOW_MS)
    after = {user_id: ahead(again, user_id, NOW_MS, tokens[user_id]) for user_id in people}
    assert before == after


def test_a_change_of_pace_survives_a_restart() -> None:
    """Everybody is called when he was told, at the old pace and the new one."""
    room = new_room(per_minute=60)
    told = {user_id: room.place(user_id, "", NOW_MS) for user_id in range(1, 21)}
    later_ms = NOW_MS + 10_000
    room.change(opens_at_ms=NOW_MS, per_minute=6, pass_minutes=10, now_ms=later_ms)
    again = after_a_restart(room)
    for user_id in told:
        expected = room.place(user_id, "", later_ms)
        assert expected == again.place(user_id, room.token(user_id), later_ms)


@pytest.mark.parametrize("asked_after_the_draw", [False, True])
def test_a_token_from_before_the_opening_is_drawn(asked_after_the_draw: bool) -> None:
    """Whether the restart came before the draw or after it, and whether he had asked since."""
    room = new_room(opens_at_ms=OPENS_MS)
    people = range(1, 101)
    for user_id in people:
        room.place(user_id, "", NOW_MS)
    early = after_a_restart(room)
    tokens = {user_id: room.token(user_id) for user_id in people}
    expected = {user_id: ahead(room, user_id, OPENS_MS) for user_id in people}
    if asked_after_the_draw:
        tokens = {user_id: room.token(user_id) for user_id in people}
    late = after_a_restart(room)
    found = {user_id: ahead(late, user_id, OPENS_MS, tokens[user_id]) for user_id in people}
    assert expected == found
    if not asked_after_the_draw:
        assert expected == {one: ahead(early, one, OPENS_MS, tokens[one]) for one in people}


def test_who_comes_without_his_token_and_then_with_it_has_the_better_place() -> None:
    """The page had been closed; it isn't a second place."""
    room = new_room()
    for user_id in (ANN, BOB, EVA):
        room.place(user_id, "", NOW_MS)
    token = room.token(BOB)
    again = after_a_restart(room, reserved=10)
    assert 12 == ahead(again, BOB, NOW_MS)
    assert 0 == ahead(again, BOB, NOW_MS, token)
    assert 0 == ahead(again, BOB, NOW_MS)


def forged(token: str) -> list[str]:
    flipped = "B" if token[0] == "A" else "A"
    return [flipped + token[1:], token[:-4], token + "AAAA", "", "ю", "====", "A" * 64]


def test_a_token_that_isn_t_his_is_worth_nothing() -> None:
    """Another user's, another room's, one with another number, and anything else."""
    room = new_room()
    room.place(ANN, "", NOW_MS)
    room.place(BOB, "", NOW_MS)
    other = WaitingRoom(
        7, opens_at_ms=NOW_MS, per_minute=1, pass_minutes=1, seed=SEED, key=b"o" * 32
    )
    other.place(EVA, "", NOW_MS)
    for token in [room.token(ANN), other.token(EVA), *forged(room.token(BOB))]:
        again = after_a_restart(room, reserved=10)
        assert 11 == ahead(again, EVA, NOW_MS, token)


def test_the_seed_makes_no_tokens() -> None:
    """It is published: so what a token is signed with isn't made of it."""
    room, other = new_room(), new_room(seed=b"t" * 32)
    for one in (room, other):
        one.place(ANN, "", NOW_MS)
    assert room.token(ANN) == other.token(ANN)


@pytest.mark.parametrize("other", [{"format": 2}, {"stretches": []}])
def test_a_file_of_another_version_is_refused(other: dict[str, Any]) -> None:
    """Rather than misread."""
    kept = msgspec.structs.replace(new_room().kept(), **other)
    with pytest.raises(ValueError, match="another version"):
        WaitingRoom.restored(kept)


# Whatever happens

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("come"), st.integers(1, 30)),
        st.tuples(st.just("later"), st.integers(-500, 20_000)),
        st.tuples(st.just("pace"), st.sampled_from([1, 60, 600, 6_000])),
        st.tuples(st.just("restart"), st.integers(0, 5)),
    ),
    max_size=60,
)


@settings(max_examples=200)
@given(STEPS)
def test_nobody_overtakes_and_everybody_is_admitted_once(steps: list[tuple[str, int]]) -> None:
    """With restarts, changes of pace and steps of the clock: who was behind stays behind.

    Nobody's turn comes later than it was promised at the same pace, and at the end, as far as
    passes last, all have been let in.
    """
    room, now_ms = new_room(per_minute=60), NOW_MS
    tokens: dict[int, str] = {}
    queue: list[int] = []
    for what, value in steps:
        if what == "later":
            now_ms += value
        elif what == "pace":
            room.change(opens_at_ms=NOW_MS, per_minute=value, pass_minutes=10_000, now_ms=now_ms)
        elif what == "restart":
            room = after_a_restart(room, reserved=value)
        elif now_ms >= NOW_MS:
            room.pass_minutes = 10_000  # so that nobody comes a second time
            room.place(value, tokens.get(value, ""), now_ms)
            tokens[value] = room.token(value)
            if value not in queue:
                queue.append(value)
    now_ms = max(now_ms, NOW_MS)
    waiting = [ahead(room, one, now_ms, tokens[one]) for one in queue]
    assert sorted(waiting) == waiting
    numbers = [room._table(one)[one] for one in queue]
    assert len(set(numbers)) == len(queue)
    admitted: list[int] = []
    for moment_ms in sorted(map(room.schedule.call_ms, numbers)):
        new = [one for one in queue if one not in admitted and room.admits(one, moment_ms)]
        assert len(new) <= 1 or moment_ms <= now_ms
        admitted += new
    assert queue == admitted
