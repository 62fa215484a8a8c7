"""How long to wait before a call is repeated."""

import random

FIRST_MS = 200
# Long enough to spare a service that is down, short enough that nobody waits long once it is up.
MOST_MS = 30_000
_DOUBLINGS_MAX = 20

# The provider shows a selected place within 50 to 200 ms when it is idle.
POLL_FIRST_MS = 50
POLL_MOST_MS = 1_000


def retry_ms(attempt: int, rng: random.Random) -> int:
    """The pause after the `attempt`-th failure in a row, from 1: doubling, half of it by chance.

    Without chance, everybody whom one outage has hit would come back in the same moment.
    """
    whole_ms = min(MOST_MS, FIRST_MS << min(attempt - 1, _DOUBLINGS_MAX))
    return round(whole_ms * rng.uniform(0.5, 1.0))


def poll_ms(polls: int) -> int:
    """The pause after the `polls`-th look in a row at something that takes its time, from 1."""
    return min(POLL_MOST_MS, POLL_FIRST_MS << min(polls - 1, _DOUBLINGS_MAX))
