"""How what was written reaches what is read: two queues, each with one consumer, in virtual time.

The real provider writes every change into an outbox, sends from it at a steady pace through a
message broker, and one consumer for each kind of change works off what arrives. Here all of
that happens when somebody looks: sends and arrivals up to the present are made up for, in the
order of time. So there is no background task, and the same calls at the same moments give the
same answers.
"""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from emulators.knobs import Panel
from emulators.provider.knobs import ProviderKnobs

# What a consumer does with a message; the argument is the moment, in Unix microseconds.
Effect = Callable[[int], None]


class Poison(Exception):
    """A message that its consumer cannot digest."""


@dataclass(slots=True, order=True)
class Message:
    """The first two fields are the order in which an outbox is emptied."""

    rank: int
    number: int
    at_us: int = field(compare=False)
    lag_us: int = field(compare=False)
    effect: Effect = field(compare=False)


class Topic:
    """One kind of message: its outbox, what is under way, and its consumer.

    Invariant: due moments never decrease, so messages are consumed in the order they were sent.
    """

    def __init__(self) -> None:
        self.stopped = False
        self._arrivals: deque[Message] = deque()
        self._outbox: list[Message] = []
        self._sent: deque[tuple[int, Effect]] = deque()
        self._next_send_us = 0
        self._last_due_us = 0
        self._published = 0

    def publish(self, effect: Effect, *, at_us: int, lag_us: int, rank: int) -> None:
        """Put a change into the outbox; the lowest rank is sent first, then the oldest."""
        self._published += 1
        self._arrivals.append(Message(rank, self._published, at_us, lag_us, effect))

    def send_us(self) -> int | None:
        """When the next message is sent; None without one."""
        if self._outbox:
            return self._next_send_us
        return max(self._next_send_us, self._arrivals[0].at_us) if self._arrivals else None

    def due_us(self) -> int | None:
        """When the consumer has got to the next message; None without one."""
        return self._sent[0][0] if self._sent else None

    def send(self, at_us: int, *, pace_us: int) -> None:
        """Send the message whose turn it is."""
        while self._arrivals and self._arrivals[0].at_us <= at_us:
            heapq.heappush(self._outbox, self._arrivals.popleft())
        message = heapq.heappop(self._outbox)
        self._last_due_us = max(at_us + message.lag_us, self._last_due_us)
        self._sent.append((self._last_due_us, message.effect))
        self._next_send_us = at_us + pace_us

    def consume(self, *, wedges: bool) -> None:
        """Work off the next message. Poison stops the consumer, or is swallowed."""
        due_us, effect = self._sent[0]
        try:
            effect(due_us)
        except Poison:
            if wedges:
                # It stays at the head: the real consumer meets it again after a restart.
                self.stopped = True
                return
        self._sent.popleft()


class Pipeline:
    """The topics `places` and `orders`."""

    def __init__(self, panel: Panel[ProviderKnobs]) -> None:
        self._panel = panel
        self.places = Topic()
        self.orders = Topic()

    def publish(self, topic: Topic, effect: Effect, *, at_us: int, revision: int) -> None:
        """Queue the change that made this revision of an order or a place."""
        knobs = self._panel.knobs
        rank = revision if knobs.lowest_revision_first else 0
        topic.publish(effect, at_us=at_us, lag_us=round(knobs.lag_ms * 1000), rank=rank)

    def catch_up(self, now_us: int) -> None:
        """Let everything be sent and consumed that is due by now."""
        knobs = self._panel.knobs
        if knobs.freeze_projection:
            return
        pace_us = round(1e6 / knobs.events_per_s) if knobs.events_per_s else 0
        while True:
            send_us, sender = _earliest(self._at_work(), Topic.send_us)
            due_us, consumer = _earliest(self._at_work(), Topic.due_us)
            # What an arrival brings about is sent after it: equal moments begin with the send.
            if sender and send_us <= now_us and (not consumer or send_us <= due_us):
                sender.send(send_us, pace_us=pace_us)
            elif consumer and due_us <= now_us:
                consumer.consume(wedges=knobs.wedge_on_poison)
            else:
                return

    def _at_work(self) -> list[Topic]:
        return [topic for topic in (self.places, self.orders) if not topic.stopped]


def _earliest(
    topics: list[Topic], moment: Callable[[Topic], int | None]
) -> tuple[int, Topic | None]:
    """The topic whose moment comes first; the first of the list when both come at once."""
    found: tuple[int, Topic | None] = (0, None)
    for topic in topics:
        at_us = moment(topic)
        if at_us is not None and (found[1] is None or at_us < found[0]):
            found = (at_us, topic)
    return found
