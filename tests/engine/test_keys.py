"""Idempotency keys: the answer is remembered with the effect, for a day, across crashes."""

import pytest

from engine import Key, Rules
from engine.errors import KeyReused
from engine.mutations import AnswerRemembered, ReceiptsExpired, decode
from tests.scenario import HOUR_MS, START_MS, check

BEGUN = """
    ann create_booking event=1                         -> booking=a
    ann select_seat booking=a seat=1:1                 -> ok
"""


def test_a_repeated_command_gives_the_same_answer() -> None:
    """With the same key nothing happens twice, even where the state no longer allows it."""
    check("""
        ann create_booking event=1 key=k1/create           -> booking=a ok
        ann create_booking event=1 key=k1/create           -> booking=a nothing
        ann select_seat booking=a seat=1:1 key=k2/select   -> ok
        ann select_seat booking=a seat=1:1 key=k2/select   -> nothing
        ann release_seat seat=1:1 key=k3/release           -> ok
        ann release_seat seat=1:1 key=k3/release           -> nothing
        ann select_seat booking=a seat=1:1 key=k2/select   -> nothing
        seat 1:1 FREE
        ann select_seat booking=a seat=1:1 key=k4/select   -> ok
        ann initiate_payment booking=a key=k5/pay          -> order=p ok
        ann initiate_payment booking=a key=k5/pay          -> order=p nothing
        ann cancel_booking booking=a key=k6/cancel         -> ok
        ann cancel_booking booking=a key=k6/cancel         -> nothing
        ann initiate_payment booking=a key=k5/pay          -> order=p nothing
        payment p RETURN_DUE
        analytics 1 free=20 reserved=0 sold=0 revenue=0 bookings=0
    """)


def test_effect_and_answer_are_one_record() -> None:
    """A crash can't come between them."""
    story = check("ann create_booking event=1 key=k1/create -> booking=a ok")

    record = decode(story.log.records[0])
    assert isinstance(record, AnswerRemembered)
    assert record.effect is not None
    assert story.named("a") == record.receipt.result
    assert (START_MS, START_MS) == (record.at_ms, record.effect.at_ms)


def test_answers_survive_a_crash() -> None:
    """The log and a snapshot both bring them back."""
    check("""
        ann create_booking event=1 key=k1/create           -> booking=a ok
        replay
        ann create_booking event=1 key=k1/create           -> booking=a nothing
        ann create_booking event=1 key=k1/other            -> KeyReused
        reload
        ann create_booking event=1 key=k1/create           -> booking=a nothing
        ann create_booking event=1 key=k1/other            -> KeyReused
    """)


@pytest.mark.parametrize(
    "command",
    [
        "create_booking event=1",
        "select_seat booking=a seat=1:2",
        "release_seat seat=1:1",
        "initiate_payment booking=a",
        "cancel_booking booking=a",
    ],
)
def test_a_key_belongs_to_one_request(command: str) -> None:
    """With another body it is refused, whatever the command, before anything else is looked at."""
    check(f"""
        {BEGUN}
        ann create_booking event=2 key=k/body          -> booking=b ok
        ann {command} key=k/other                      -> KeyReused
    """)


def test_a_reset_is_remembered_too() -> None:
    """It has no user; repeating it doesn't wipe what came after it."""
    check(f"""
        {BEGUN}
        operator reset key=k/reset                     -> ok
        ann create_booking event=1                     -> booking=b
        operator reset key=k/reset                     -> nothing
        operator reset key=k/other                     -> KeyReused
        booking b CREATED
        operator reset                                 -> ok
        operator reset key=k/other                     -> ok
    """)


def test_whether_an_answer_is_remembered_can_be_asked() -> None:
    """Before a command is told again; of another request under the key nothing is remembered."""
    story = check("""
        ann create_booking event=1 key=k1/create           -> booking=a ok
        ann create_booking event=9 key=k2/create           -> EventNotFound
    """)
    ann, bob = story._users["ann"], story._users["ann"] + 1
    asked = [(ann, "k1"), (ann, "k2"), (bob, "k1")]
    found = [story.engine.is_answered(user, Key(key, b"create")) for user, key in asked]
    assert [True, False, False] == found
    with pytest.raises(KeyReused):
        story.engine.is_answered(ann, Key("k1", b"other"))


def test_keys_of_two_users_are_independent() -> None:
    """The same word of two users is two keys."""
    check("""
        ann create_booking event=1 key=k/create        -> booking=a ok
        bob create_booking event=1 key=k/create        -> booking=b ok
        bob create_booking event=1 key=k/create        -> booking=b nothing
        bob create_booking event=2 key=k/other         -> KeyReused
        booking a CREATED
    """)


def test_a_command_that_changes_nothing_is_remembered() -> None:
    """Its yes stays a yes, although nothing else was logged."""
    check(f"""
        {BEGUN}
        ann select_seat booking=a seat=1:1 key=k/again -> ok
        ann release_seat seat=1:1                      -> ok
        ann select_seat booking=a seat=1:1 key=k/again -> nothing
        seat 1:1 FREE
        ann cancel_booking booking=a                   -> ok
        ann cancel_booking booking=a key=c/again       -> ok
        ann cancel_booking booking=a key=c/again       -> nothing
    """)


def test_a_second_payment_request_remembers_the_order_of_the_first() -> None:
    """A key that finds a payment under way answers with it, then and later."""
    check(f"""
        {BEGUN}
        ann initiate_payment booking=a                 -> order=p
        ann initiate_payment booking=a key=k/pay       -> order=p ok
        ann cancel_booking booking=a                   -> ok
        ann initiate_payment booking=a key=k/pay       -> order=p nothing
    """)


def test_a_refusal_is_not_remembered() -> None:
    """Nothing changed, so the same request may succeed later."""
    check(f"""
        {BEGUN}
        bob create_booking event=1                     -> booking=b
        bob select_seat booking=b seat=1:1 key=k/take  -> SeatTaken
        ann release_seat seat=1:1                      -> ok
        bob select_seat booking=b seat=1:1 key=k/take  -> ok
    """)


def test_answers_are_forgotten_after_a_day_by_a_record() -> None:
    """Not a millisecond earlier, and not by reading the clock."""
    story = check("""
        ann create_booking event=1 key=k/create        -> booking=a ok
        later 1h
        ann create_booking event=1 key=l/create        -> booking=b ok
        bob create_booking event=1 key=k/create        -> booking=c ok
        later 23h
        tick -1ms                                      -> 0
        later 1ms
        ann create_booking event=1 key=k/create        -> booking=a nothing
        tick 0ms                                       -> 1
        ann create_booking event=2 key=k/other         -> booking=d ok
        ann create_booking event=1 key=l/create        -> booking=b nothing
        tick 1h                                        -> 1
        bob create_booking event=1 key=k/create        -> booking=e ok
    """)

    assert {"k"} == set(story.state.receipts[story.user("bob")])
    assert 2 == sum(type(decode(one)) is ReceiptsExpired for one in story.log.records)


def test_a_no_op_is_remembered_for_as_long_as_any() -> None:
    """A day from the request on, however long ago something was last logged."""
    check(f"""
        {BEGUN}
        ann cancel_booking booking=a                   -> ok
        later 23h
        ann cancel_booking booking=a key=k/cancel      -> ok
        tick 2h                                        -> 0
        ann cancel_booking booking=a key=k/cancel      -> nothing
        tick 22h                                       -> 1
        ann cancel_booking booking=a key=k/cancel      -> ok
    """)


def test_a_user_has_only_so_many_keys() -> None:
    """One too many is refused before anything happens, and the limit is each user's own."""
    check(
        """
        ann create_booking event=1 key=1/create        -> booking=a ok
        ann create_booking event=1 key=2/create        -> booking=b ok
        ann create_booking event=1 key=3/create        -> TooManyKeys
        ann create_booking event=1 key=1/create        -> booking=a nothing
        ann create_booking event=1                     -> booking=c
        bob create_booking event=1 key=3/create        -> booking=d ok
        tick 24h                                       -> 1
        ann create_booking event=1 key=3/create        -> booking=e ok
        """,
        rules=Rules(receipts_per_user_max=2),
    )


def test_the_timer_wakes_for_answers_too() -> None:
    """The next deadline is that of a hold or of an answer, whichever comes first."""
    story = check("ann create_booking event=1 key=1/create -> booking=a ok")
    assert START_MS + 24 * HOUR_MS == story.engine.next_deadline_ms()

    story.tell("ann select_seat booking=a seat=1:1 -> ok")
    assert START_MS + 15 * 60_000 == story.engine.next_deadline_ms()

    story.tell("tick 15m -> 1")
    assert START_MS + 24 * HOUR_MS == story.engine.next_deadline_ms()

    story.tell("tick 24h -> 1")
    assert story.engine.next_deadline_ms() is None


def test_a_key_is_a_value() -> None:
    """Two keys of the same words are the same."""
    assert Key("k", b"body") == Key("k", b"body")
