"""What the handlers work with: the opened rooms behind them, and whether they may be used yet."""

from collections.abc import Callable
from dataclasses import dataclass

from api.admission import Admission, AdmissionLimits
from api.staff import Staff
from api.stalls import Stalls
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
    ) -> None:
        """Without a secret, notifications need no signature; `merchant_id` is what they name."""
        self.clock_ms = clock_ms
        self.allow_reset = allow_reset
        self.webhook_secret = webhook_secret
        self.merchant_id = merchant_id
        self.limits = limits or Limits()
        self.admission = Admission(admission or AdmissionLimits())
        self.stalls = Stalls()
        self.staff = staff or Staff()
        self.is_ready = False

    def open(self, *, engine: Engine, catalog: Catalog, sagas: Sagas, ticket_key: bytes) -> None:
        """From now on calls are answered: everything acknowledged earlier must be visible."""
        self.engine = engine
        self.catalog = catalog
        self.sagas = sagas
        self.codes = Codes(ticket_key)
        self.is_ready = True

    def close(self) -> None:
        """No new calls from now on; those under way are finished."""
        self.is_ready = False
