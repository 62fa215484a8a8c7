"""In which order what was written arrives, though it is all made up for at one look."""

import pytest

from emulators.knobs import Panel
from emulators.provider.knobs import PROFILES, ProviderKnobs
from emulators.provider.pipeline import Effect, Pipeline

SECOND_US = 1_000_000


def pipeline(knobs: ProviderKnobs) -> tuple[Pipeline, Panel[ProviderKnobs]]:
    panel = Panel(knobs, profiles=PROFILES, seed=1, now=float)
    return Pipeline(panel), panel


def test_oldest_first_among_equals() -> None:
    """Of one revision and one moment, too, what was published first arrives first."""
    news, _ = pipeline(ProviderKnobs(lowest_revision_first=True))
    arrived: list[int] = []

    def note(number: int) -> Effect:
        return lambda _: arrived.append(number)

    for number in range(10):
        news.publish(news.orders, note(number), at_us=0, revision=1)

    news.catch_up(SECOND_US)

    assert list(range(10)) == arrived


def test_nothing_is_sent_before_it_is_published() -> None:
    """A low revision overtakes only what still waits when it comes."""
    news, _ = pipeline(ProviderKnobs(lag_ms=0, lowest_revision_first=True))
    arrived: list[tuple[str, int]] = []
    news.publish(news.orders, lambda at_us: arrived.append(("old", at_us)), at_us=0, revision=5)
    news.publish(
        news.orders, lambda at_us: arrived.append(("new", at_us)), at_us=SECOND_US, revision=1
    )

    news.catch_up(SECOND_US)

    assert [("old", 0), ("new", SECOND_US)] == arrived


@pytest.mark.parametrize("slow", ["places", "orders"])
def test_one_kind_of_news_waits_for_no_other(slow: str) -> None:
    """Each has its own consumer: what is still under way to one holds up nothing of the other."""
    news, panel = pipeline(ProviderKnobs(lag_ms=1_000))
    topics = {"places": news.places, "orders": news.orders}
    arrived: list[str] = []
    news.publish(topics.pop(slow), lambda _: arrived.append("slow"), at_us=0, revision=1)
    news.catch_up(0)
    panel.change(b'{"lag_ms":0}')

    for topic in topics.values():
        news.publish(topic, lambda _: arrived.append("quick"), at_us=0, revision=1)
    news.catch_up(SECOND_US // 2)

    assert ["quick"] == arrived


@pytest.mark.parametrize(
    ("lag_ms", "joins_at_us", "moments"),
    [
        (500, SECOND_US, [0.5, 1.5, 2.5, 3.5]),
        (1_000, 0, [1, 2, 3, 4]),  # it arrives at the very moment of a send
    ],
)
def test_consequence_takes_its_turn_among_what_waits(
    lag_ms: float, joins_at_us: int, moments: list[float]
) -> None:
    """What an arrival publishes competes with what has not been sent by that moment."""
    news, _ = pipeline(ProviderKnobs(events_per_s=1, lag_ms=lag_ms, lowest_revision_first=True))
    arrived: list[tuple[str, int]] = []

    def note(name: str) -> Effect:
        return lambda at_us: arrived.append((name, at_us))

    def joins(at_us: int) -> None:
        news.publish(news.orders, note("joined"), at_us=at_us, revision=2)

    for _ in range(3):
        news.publish(news.orders, note("old"), at_us=0, revision=5)
    news.publish(news.places, joins, at_us=joins_at_us, revision=1)
    news.catch_up(10 * SECOND_US)

    assert ["old", "old", "joined", "old"] == [name for name, _ in arrived]
    assert moments == [at_us / SECOND_US for _, at_us in arrived]


def test_shorter_lag_overtakes_nobody() -> None:
    """One consumer reads one queue: what was sent later arrives later, with any lag."""
    news, panel = pipeline(ProviderKnobs(lag_ms=1_000))
    arrived: list[tuple[int, int]] = []
    news.publish(news.orders, lambda at_us: arrived.append((1, at_us)), at_us=0, revision=1)

    panel.change(b'{"lag_ms":0}')
    news.publish(news.orders, lambda at_us: arrived.append((2, at_us)), at_us=0, revision=1)
    news.catch_up(SECOND_US - 1)
    assert [] == arrived

    news.catch_up(SECOND_US)
    assert [(1, SECOND_US), (2, SECOND_US)] == arrived
