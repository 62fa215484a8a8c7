"""How what was written reaches what is read: two queues, each with one consumer, in virtual time.

The real provider sends every change through a message broker. Here a change is queued with
the moment at which its consumer will have got to it, and whoever looks at the provider first lets
the consumers catch up to the present. So there is no background task, and the same calls at the
same moments give the same answers.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from emulators.knobs import Panel
from emulators.provider.settings import ProviderKnobs

# What a consumer does with a message; the argument is the moment, in Unix microseconds.
Effect = Callable[[int], None]


class Poison(Exception):
    """A message that its consumer cannot digest."""


@dataclass(slots=True)
class Topic:
    """One kind of message, and its consumer.

    Invariant: due moments never decrease, so messages are consumed in the order they were sent.
    """

    messages: deque[tuple[int, Effect]] = field(default_factory=deque)
    last_due_us: int = 0
    stopped: bool = False


class Pipeline:
    """The topics `places` and `orders`."""

    def __init__(self, panel: Panel[ProviderKnobs]) -> None:
        self._panel = panel
        self.places = Topic()
        self.orders = Topic()

    def publish(self, topic: Topic, effect: Effect, *, at_us: int) -> None:
        """Queue a message: due after the lag, and no sooner than the consumer's pace allows."""
        knobs = self._panel.knobs
        pace_us = round(1e6 / knobs.events_per_s) if knobs.events_per_s else 0
        due_us = max(at_us + round(knobs.lag_ms * 1000), topic.last_due_us + pace_us)
        topic.messages.append((due_us, effect))
        topic.last_due_us = due_us

    def catch_up(self, now_us: int) -> None:
        """Let both consumers work, in the order of time, up to now."""
        if self._panel.knobs.freeze_projection:
            return
        while (topic := self._next(now_us)) is not None:
            due_us, effect = topic.messages[0]
            try:
                effect(due_us)
            except Poison:
                if self._panel.knobs.wedge_on_poison:
                    # It stays at the head: the real consumer meets it again after a restart.
                    topic.stopped = True
                    continue
            topic.messages.popleft()

    def _next(self, now_us: int) -> Topic | None:
        """The topic whose head is due first; `places` when both are due at once."""
        due = [
            topic
            for topic in (self.places, self.orders)
            if topic.messages and not topic.stopped and topic.messages[0][0] <= now_us
        ]
        return min(due, key=lambda topic: topic.messages[0][0], default=None)
