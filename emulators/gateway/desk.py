"""The gateway itself: its payments, its merchants, its caches, and the webhooks it owes.

Handlers change nothing on their own. A status changes in `Desk.change`, which also tells the
merchant, so that no change goes untold.
"""

import random
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from starlette.requests import Request
from starlette.responses import Response

from emulators.gateway.answers import invalid_model, unauthenticated
from emulators.gateway.background import Background
from emulators.gateway.cache import AnswerCache
from emulators.gateway.knobs import PROFILES, GatewayKnobs, RedirectFault
from emulators.gateway.moments import timestamp
from emulators.gateway.payments import UNPAID, Payment, PaymentBook, Status
from emulators.gateway.requests import (
    AnyRequest,
    SignedRequest,
    Unreadable,
    read_query,
    read_request,
)
from emulators.gateway.settings import GatewaySettings
from emulators.gateway.teams import Team, Teams
from emulators.gateway.tokens import is_token
from emulators.gateway.webhooks import Webhooks
from emulators.knobs import Panel, Strikes
from emulators.wire import read_body

# Three of the ends of a payment are told by one word; the reason stands in `data`.
FAILED = frozenset({Status.REJECTED, Status.CANCELLED, Status.EXPIRED})

Read = TypeVar("Read")


class IdTaken(Exception):
    """The drawn payment id names another payment."""


class Desk:
    """Everything one running gateway knows."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.settings = settings
        self.panel = Panel(settings.knobs, profiles=PROFILES, seed=settings.seed, now=settings.now)
        self.background = Background()
        self.webhooks = Webhooks(settings, self.panel, self.background)
        self._redirects: Strikes[RedirectFault] = Strikes(f"redirects:{settings.seed}")
        self._forget()

    def _forget(self) -> None:
        seed = self.settings.seed
        self.book = PaymentBook(self.settings.payments_max)
        self.teams = Teams(
            Team(
                slug=self.settings.team_slug,
                password=self.settings.password,
                notification_url=self.settings.notification_url,
            )
        )
        self.check_cache: AnswerCache[Response] = AnswerCache()
        self.confirmations: AnswerCache[Response] = AnswerCache()
        self.cancellations: AnswerCache[Response] = AnswerCache()
        self.bank_chance = random.Random(f"bank:{seed}")
        self.customer_chance = random.Random(f"customers:{seed}")
        self._id_chance = random.Random(f"ids:{seed}")

    async def reset(self) -> None:
        """As just started, but for the knobs."""
        await self.background.end()
        self.webhooks.forget()
        self._forget()

    @property
    def knobs(self) -> GatewayKnobs:
        return self.panel.knobs

    def now(self) -> float:
        """Unix seconds."""
        return self.settings.now()

    def new_payment_id(self) -> str:
        """Fourteen digits: the second, then four drawn ones.

        A taken id is stepped over; as built, the service fails then. Raises IdTaken.
        """
        number = int(self.now()) * 10_000 + self._id_chance.randint(1_000, 9_998)
        if self.knobs.id_collisions and str(number) in self.book:
            raise IdTaken
        while str(number) in self.book:
            number += 1
        return str(number)

    def new_uuid(self) -> str:
        """For ids that only people read: traces, refunds, bank references."""
        return str(uuid.UUID(int=self._id_chance.getrandbits(128), version=4))

    def payment_url(self, payment: Payment) -> str:
        return f"{self.settings.base_url}/api/v1/paymentform/render/{payment.payment_id}"

    async def find(self, payment_id: str) -> Payment | None:
        """The payment as it stands now: if its time is over, it expires first."""
        await self.expire_due(self.book.find(payment_id))
        return self.book.find(payment_id)

    async def find_order(self, team: Team, order_id: str) -> Payment | None:
        """The same by the merchant's order id."""
        await self.expire_due(self.book.find_order(team.slug, order_id))
        return self.book.find_order(team.slug, order_id)

    async def expire_due(self, payment: Payment | None) -> None:
        """Expire this payment if the expiry job is on and its time is over."""
        if payment is not None and self.knobs.expire_job and payment.is_due(self.now()):
            await self.change(payment, Status.EXPIRED)

    async def expire_all_due(self) -> None:
        """What the expiry job does on its rounds."""
        for payment in self.book.active():
            await self.expire_due(payment)

    async def change(self, payment: Payment, status: Status) -> None:
        """Move the payment, then tell the merchant. Nothing else may run in between the two."""
        unpaid = payment.status in UNPAID and status in FAILED
        self.book.move(payment, status, now=self.now())
        await self.tell(payment)
        rate = self.knobs.late_success_rate
        if unpaid and rate and self.customer_chance.random() < rate:
            self.background.start(self._succeed_late(payment))

    async def succeed_late(self, payment: Payment) -> bool:
        """The bank says yes after the payment was over. False: it has its success already."""
        if not self.book.authorize_late(payment, now=self.now()):
            return False
        await self.tell(payment)
        return True

    async def _succeed_late(self, payment: Payment) -> None:
        await self.settings.sleep(self.knobs.late_success_delay_s)
        await self.succeed_late(payment)

    async def tell(
        self, payment: Payment, data: Mapping[str, Any] | None = None, *, at_once: bool = False
    ) -> None:
        """Send the webhook of the present status, or FORM_SHOWED with the `data` of a view."""
        team = self.teams.find(payment.team_slug)
        url = payment.notification_url or (team.notification_url if team else None)
        if url is None or not self.knobs.webhooks:
            return
        if data is not None:
            word, content = Status.FORM_SHOWED.value, dict(data)
        else:
            word, content = _told(payment.status, timestamp(self.now()))
        await self.webhooks.send(
            payment_id=payment.payment_id,
            status=word,
            team_slug=payment.team_slug,
            url=url,
            data=content,
            at_once=at_once,
        )

    def redirect_fault(self) -> RedirectFault | None:
        """What befalls the customer who is about to be sent back."""
        return self._redirects.next(self.knobs.redirect_faults, "redirect")

    async def read(self, request: Request, kind: type[AnyRequest]) -> AnyRequest | None:
        """Layer 1 of an API call: the body with its annotations checked; None for a `null`."""
        body = await read_body(request)
        asked = self._readable(lambda: read_request(body, kind))
        return None if asked is None else self._annotated(asked)

    def read_query(self, request: Request, kind: type[AnyRequest]) -> AnyRequest:
        """Layer 1 of a call without a body."""
        return self._annotated(self._readable(lambda: read_query(request.query_params, kind)))

    async def read_body_of(self, request: Request, kind: type[AnyRequest]) -> AnyRequest:
        """Layer 1 where a `null` is no body at all."""
        asked = await self.read(request, kind)
        if asked is None:
            raise self.invalid({"": ["A non-empty request body is required."]})
        return asked

    def invalid(self, errors: Mapping[str, list[str]]) -> Exception:
        """A refusal of layer 1, to be raised."""
        return invalid_model(errors, self._trace_id())

    def authenticate(self, asked: SignedRequest, parameters: Mapping[str, str | None]) -> Team:
        """Layer 2: the request is a merchant's own, signed over the parameters that are given."""
        team = self.known_team(asked)
        present = {name: value for name, value in parameters.items() if value is not None}
        present["TeamSlug"] = team.slug
        if not is_token(asked.token or "", present, team.password):
            raise self.stranger("TOKEN_INVALID")
        return team

    def known_team(self, asked: SignedRequest) -> Team:
        """The merchant who asks."""
        team = self.teams.find(asked.team_slug or "")
        if team is None:
            raise self.stranger("TOKEN_INVALID")
        if not self.knobs.team_active:
            raise self.stranger("TEAM_NOT_FOUND")
        return team

    def stranger(self, error_code: str) -> Exception:
        """A refusal of layer 2, to be raised."""
        return unauthenticated(error_code, correlation_id=self.new_uuid(), at=timestamp(self.now()))

    def _readable(self, reading: Callable[[], Read]) -> Read:
        try:
            return reading()
        except Unreadable as error:
            raise self.invalid({error.path: ["The JSON value could not be converted."]}) from None

    def _annotated(self, asked: AnyRequest) -> AnyRequest:
        if errors := asked.violations().found:
            raise self.invalid(errors)
        return asked

    def _trace_id(self) -> str:
        return self.new_uuid().replace("-", "")


def desk_of(request: Request) -> Desk:
    return cast(Desk, request.app.state.desk)


def _told(status: Status, at: str) -> tuple[str, dict[str, Any]]:
    if status in FAILED:
        return "failed", {"event_type": "payment_failed", "failure_reason": status.value}
    if status is Status.CONFIRMED:
        return "completed", {"event_type": "payment_completed"}
    return status.value, {"transition_timestamp": at, "status_name": status.value}
