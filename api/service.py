"""What the handlers work with: the opened rooms behind them, and whether they may be used yet."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass
from pathlib import Path

from api.admission import Admission, AdmissionLimits
from api.fairness.addresses import Addresses
from api.fairness.entrance import Entrance
from api.fairness.hoarding import Hoarding
from api.fairness.limits import Rates, call_limits
from api.fairness.waiting_rooms import WaitingRooms
from api.organiser.replays import Replays
from api.organiser.sales import Sales
from api.request_log import RequestLog
from api.staff import Staff
from api.stalls import Stalls
from api.streams import Streams
from api.tickets.codes import Codes
from catalog import Catalog
from engine import Engine
from sagas import Sagas


@dataclass(frozen=True, slots=True)
class Limits:
    """How much and how long; tests shorten the times."""

    # The largest body the contract knows is a notification of about 1 KiB.
    body_bytes_max: int = 65_536
    # A body that needs longer comes from a client that holds a connection on purpose.
    body_read_seconds: float = 10.0
    # The gateway answers `init` in about a second; a buyer waits no longer than this for its page.
    page_seconds: float = 10.0
    # The customer's browser stands at our "paid" page meanwhile.
    verify_seconds: float = 5.0
    # The gateway holds its own customer's request open while it notifies us; but some gateways
    # show that the money is held only as long as they do.
    notification_seconds: float = 2.0


class Service:
    """The rooms of one server. Until `open`, and after `close`, every call is answered 503."""

    engine: Engine
    catalog: Catalog
    sagas: Sagas
    codes: Codes
    replays: Replays | None

    def __init__(
        self,
        *,
        clock_ms: Callable[[], int],
        allow_reset: bool = False,
        webhook_secret: bytes = b"",
        merchant_id: str = "",
        limits: Limits | None = None,
        admission: AdmissionLimits | None = None,
        staff: Staff | None = None,
        settings: Mapping[str, str] | None = None,
        metrics_open: bool = False,
        request_log: RequestLog | None = None,
        rates: Rates | None = None,
        waiting_rooms: WaitingRooms | None = None,
        hoarding: Hoarding | None = None,
        watchers_max: int = 4_096,
        connections_max: int = 16_384,
    ) -> None:
        """Without a secret, notifications need no signature; `merchant_id` is what they name.

        `settings` are for an operator's eyes, secrets masked.
        """
        self.clock_ms = clock_ms
        self.allow_reset = allow_reset
        self.webhook_secret = webhook_secret
        self.merchant_id = merchant_id
        self.limits = limits or Limits()
        self.admission = Admission(admission or AdmissionLimits())
        rates = rates or Rates()
        self.addresses = Addresses(rates.trusted_proxies)
        self.call_limits = call_limits(rates, self.addresses)
        self.waiting_rooms = waiting_rooms or WaitingRooms()
        self.entrance = Entrance(self.waiting_rooms, hoarding)
        self.stalls = Stalls()
        self.staff = staff or Staff()
        # Each keeps a connection for himself, and whoever wants to buy needs one.
        self.watchers_max = min(watchers_max, connections_max // 2)
        self.connections_max = connections_max
        self.streams = Streams()
        self.settings = dict(settings or {})
        self.metrics_open = metrics_open
        self.request_log = request_log
        # What grows and shrinks, by its name in /metrics, with what is said of it there. Whoever
        # makes such a thing puts it here.
        self.sizes: dict[str, tuple[str, Sized]] = {
            "streams": ("Replies that go on until their client leaves.", self.streams)
        }
        # How often each call had each status; pages and files together. A 500 counts from zero,
        # or whoever looks now and then would miss the first.
        self.answered: dict[str, defaultdict[int, int]] = {}
        self.directory: Path | None = None
        self.opened_at_ms = 0
        self.sales = Sales()
        self.is_ready = False

    def open(
        self,
        *,
        engine: Engine,
        catalog: Catalog,
        sagas: Sagas,
        ticket_key: bytes,
        directory: Path | None = None,
        replays: Replays | None = None,
        places_awaited: Sized = (),
    ) -> None:
        """From now on calls are answered: everything acknowledged earlier must be visible.

        Without a `directory` nothing is told of the disk.
        """
        self.sizes["places_awaited"] = (
            "Partners' events that can't be paid for: their places aren't known.",
            places_awaited,
        )
        self.directory = directory
        self.opened_at_ms = self.clock_ms()
        self.engine = engine
        self.catalog = catalog
        self.sagas = sagas
        self.codes = Codes(ticket_key)
        self.replays = replays
        self.is_ready = True

    def close(self) -> None:
        """No new calls from now on; those under way are finished, but streams would never end."""
        self.is_ready = False
        self.streams.close()
