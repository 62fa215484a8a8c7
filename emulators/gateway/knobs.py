"""The knobs that only the gateway has, and the three profiles they come in."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from emulators.gateway.cards import APPROVED_CARD
from emulators.knobs import FAULTS_MAX, Knobs, NotNegative, Pattern, Seconds, Share, Strike

Delays = Annotated[tuple[NotNegative, ...], Meta(max_length=10)]
# A merchant that survives a hundred copies survives more.
COPIES_MAX = 100
MIX_MAX = 20


class WebhookFault(Strike, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way for a webhook to go wrong.

    `status` is a regular expression searched in its status word, such as `AUTHORIZED` or `failed`.
    A `delay` keeps the payment's later webhooks waiting for `delay_s`; a `reorder` lets them pass.
    `duplicate` sends `copies` more; `replay` sends an old webhook after it; `contradict` sends a
    `failed` after it. The other three spoil the webhook itself.
    """

    status: Pattern = "."
    kind: Literal[
        "drop",
        "delay",
        "reorder",
        "duplicate",
        "replay",
        "contradict",
        "bad_signature",
        "wrong_team",
        "unknown_payment",
    ] = "drop"
    delay_s: Seconds = 5.0
    copies: Annotated[int, Meta(ge=1, le=COPIES_MAX)] = 1

    def pattern(self) -> str:
        return self.status


class RedirectFault(Strike, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way for a customer not to come back as they should.

    `drop`: they stay on the gateway's page. `wrong`: success and failure are exchanged.
    `duplicate`: they come twice (only where the emulator plays the browser).
    """

    kind: Literal["drop", "wrong", "duplicate"] = "drop"


class AutoPay(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Customers who come by themselves, `delay_s` after an init.

    `mix` gives cards their weights; the card `"none"` stands for those who never pay.
    """

    delay_s: Seconds = 1.0
    mix: Annotated[dict[str, NotNegative], Meta(min_length=1, max_length=MIX_MAX)] = field(
        default_factory=lambda: {APPROVED_CARD: 1.0}
    )

    def __post_init__(self) -> None:
        if not sum(self.mix.values()):
            raise ValueError("the weights of the mix add up to nothing")


class GatewayKnobs(Knobs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The defaults are the profile `documented`. Every limit (`None`) is off by default."""

    check_cache: bool = True
    check_lag_s: Seconds = 0.0  # checks tell how a payment stood so long ago
    get_status: bool = True  # GET PaymentCheck/status; false: 401
    id_collisions: bool = False  # a drawn payment id that is taken: 500
    keep_urls: bool = True  # false: the URLs of an init are read and forgotten
    stale_overwrite: bool = False  # a form that has been worked off writes NEW back
    double_submit: bool = False  # the page submits every card twice

    confirm_token: Literal["lenient", "off"] = "lenient"
    confirm_noop: bool = False  # confirm answers success and changes nothing
    confirm_refusals: Annotated[int, Meta(ge=0)] = 0  # the first k for each payment: 400/2100
    confirm_age_max_s: NotNegative | None = None  # whatever the payment's own expiry
    confirm_active_max: int | None = None  # payments in flight
    confirm_daily_max: int | None = None  # payments begun on one UTC day
    confirm_currencies: tuple[str, ...] | None = None
    cancel_broken: bool = False  # every cancel: 401/3001
    cancel_noop: bool = False  # cancel answers success and changes nothing
    cancel_refusals: Annotated[int, Meta(ge=0)] = 0  # the first k for each payment: 503/3503

    decline_rate: Share = 0.1  # of cards that the table doesn't name
    card_delay_s: Seconds = 0.0
    expire_job: bool = False
    auto_pay: AutoPay | None = None
    late_success_rate: Share = 0.0  # of payments that end unpaid: AUTHORIZED after all
    late_success_delay_s: Seconds = 5.0
    redirect_faults: Annotated[tuple[RedirectFault, ...], Meta(max_length=FAULTS_MAX)] = ()

    webhooks: bool = True
    webhook_mode: Literal["background", "inline"] = "background"
    webhook_at_init: bool = False  # NEW is told, too, before the init is answered
    webhook_retry_delays_s: Delays = (1.0, 2.0, 4.0)
    webhook_timeout_s: Annotated[float, Meta(gt=0)] = 30.0
    webhook_faults: Annotated[tuple[WebhookFault, ...], Meta(max_length=FAULTS_MAX)] = ()

    team_active: bool = True
    currencies: tuple[str, ...] = ("KZT", "USD", "EUR", "BYN", "RUB")
    team_amount_min: int | None = None
    team_amount_max: int | None = None
    team_daily_limit: int | None = None


PROFILES = {
    "documented": GatewayKnobs(),
    # What the real service is, bug by bug. Set `confirm_currencies` to sell in tenge.
    "as_built": GatewayKnobs(
        profile="as_built",
        get_status=False,
        id_collisions=True,
        keep_urls=False,
        stale_overwrite=True,
        double_submit=True,
        confirm_token="off",
        confirm_noop=True,
        confirm_age_max_s=900.0,
        confirm_active_max=100,
        confirm_daily_max=1_000,
        confirm_currencies=("RUB",),
        cancel_broken=True,
        card_delay_s=1.25,  # real: anything from 0.5 to 2
        webhook_mode="inline",
    ),
    # For load tests: nothing is old, nothing waits.
    "instant": GatewayKnobs(profile="instant", check_cache=False, webhook_retry_delays_s=()),
}
