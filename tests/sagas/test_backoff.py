"""Pauses between attempts."""

import random

from sagas import backoff


def test_retry() -> None:
    """Pauses double from 0.2 s to 30 s, and between half and all of each is by chance."""
    rng = random.Random(1)
    for attempt, whole_ms in [(1, 200), (2, 400), (7, 12_800), (9, 30_000), (10_000, 30_000)]:
        pauses = {backoff.retry_ms(attempt, rng) for _ in range(200)}
        assert whole_ms / 2 <= min(pauses)
        assert max(pauses) <= whole_ms
        assert len(pauses) > 20


def test_poll() -> None:
    """Looks at something slow begin after 50 ms and settle at one a second."""
    assert [backoff.poll_ms(polls) for polls in (1, 2, 3, 6, 500)] == [50, 100, 200, 1_000, 1_000]
