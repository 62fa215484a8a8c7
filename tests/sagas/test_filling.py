"""What is known of an order's places."""

from sagas.filling import IN_FLIGHT_MS, SHOW_MS_MAX, Filling, Refusal


def fresh() -> Filling:
    return Filling((10, 11), resumed=False, now_ms=1_000)


def test_plain() -> None:
    """Seats are selected one after the other, each once."""
    filling = fresh()
    assert filling.next_seat() == 10
    filling.selected(10)
    assert filling.next_seat() == 11
    filling.selected(11)
    assert filling.next_seat() is None
    assert (filling.places_wanted, filling.places_held_max()) == (2, 2)
    assert not filling.has_doubts()


def test_looks() -> None:
    """With each new place, and with the end, the order is looked at as soon as at first."""
    filling = fresh()
    assert filling.polls == 0
    filling.polls = 9
    filling.selected(10)
    assert filling.polls == 0
    filling.polls = 9
    filling.begin_ending(50_000)
    assert filling.polls == 0
    filling.polls = 9
    filling.begin_ending(55_000)
    assert filling.polls == 9


def test_first_refusal() -> None:
    """A place refused at the first attempt is taken, unless we are just letting it go.

    The order may hold it all the same: our one attempt may have arrived twice.
    """
    filling = fresh()
    assert filling.refused(11, may_be_releasing=True) is Refusal.DOUBTFUL
    assert filling.places_held_max() == 1
    assert filling.refused(10, may_be_releasing=False) is Refusal.TAKEN
    assert filling.places_held_max() == 2


def test_refusal_after_a_lost_answer() -> None:
    """A place refused after an attempt without an answer may be ours; it is tried again later."""
    filling = fresh()
    filling.unanswered(10, now_ms=5_000)
    assert filling.in_flight_until_ms == 5_000 + IN_FLIGHT_MS
    assert filling.places_held_max() == 1
    assert filling.refused(10, may_be_releasing=False) is Refusal.DOUBTFUL
    assert filling.next_seat() == 11
    filling.try_again()
    assert filling.next_seat() == 10


def test_resumed() -> None:
    """After a crash any place may be ours and any attempt still at work."""
    filling = Filling((10, 11), resumed=True, now_ms=1_000)
    assert filling.is_unseen
    assert filling.places_held_max() == 2
    assert filling.in_flight_until_ms == 1_000 + IN_FLIGHT_MS
    assert filling.refused(10, may_be_releasing=False) is Refusal.DOUBTFUL


def test_overdue() -> None:
    """The wait for places is bounded from its first moment on."""
    filling = fresh()
    assert not filling.is_overdue(10**9)
    filling.begin_waiting(1_000)
    filling.begin_waiting(2_000)
    assert not filling.is_overdue(1_000 + SHOW_MS_MAX)
    assert filling.is_overdue(1_001 + SHOW_MS_MAX)


def test_ending() -> None:
    """An order that is given up has a wait of its own: its last place may just have been taken."""
    filling = fresh()
    filling.begin_waiting(1_000)
    filling.begin_ending(50_000)
    filling.begin_ending(55_000)
    assert not filling.is_overdue(50_000 + SHOW_MS_MAX)
    assert filling.is_overdue(50_001 + SHOW_MS_MAX)
