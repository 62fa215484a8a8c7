"""In which order what was written arrives, though it is all made up for at one look."""

from emulators.knobs import Panel
from emulators.provider.knobs import PROFILES, ProviderKnobs
from emulators.provider.pipeline import Effect, Pipeline

SECOND_US = 1_000_000


def pipeline(knobs: ProviderKnobs) -> tuple[Pipeline, Panel[ProviderKnobs]]:
    panel = Panel(knobs, profiles=PROFILES, seed=1, now=float)
    return Pipeline(panel), panel


def test_consequence_takes_its_turn_among_what_waits() -> None:
    """What an arrival publishes competes with what has not been sent by that moment."""
    news, _ = pipeline(ProviderKnobs(events_per_s=1, lag_ms=500, lowest_revision_first=True))
    arrived: list[tuple[str, int]] = []

    def note(name: str) -> Effect:
        return lambda at_us: arrived.append((name, at_us))

    def joins(at_us: int) -> None:
        news.publish(news.orders, note("joined"), at_us=at_us, revision=2)

    for _ in range(3):
        news.publish(news.orders, note("old"), at_us=0, revision=5)
    news.publish(news.places, joins, at_us=SECOND_US, revision=1)
    news.catch_up(10 * SECOND_US)

    moments = [0.5, 1.5, 2.5, 3.5]
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
