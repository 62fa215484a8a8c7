"""Webhooks: what the merchant is told, and how often it is tried.

For one payment they go out one after the other, in the order of the changes; payments do not
wait for each other. After the last attempt a webhook is lost, as with the real service.
"""

import asyncio
import random
import uuid
from collections import deque
from typing import Any

import httpx
import orjson

from emulators.connections import Outgoing
from emulators.gateway.background import Background
from emulators.gateway.knobs import GatewayKnobs, WebhookFault
from emulators.gateway.moments import timestamp
from emulators.gateway.settings import GatewaySettings
from emulators.gateway.webhook import Webhook, spoiled, written
from emulators.knobs import Panel, Strikes

# What `GET /__emu/webhooks` remembers; older attempts are forgotten.
DELIVERIES_KEPT = 10_000
# The past that a replay draws from.
PAST_KEPT = 1_000
# Waiting webhooks, together some 60 MB; more are dropped and counted, like any lost webhook.
WAITING_MAX = 100_000
# A merchant that is down must not cost a connection per payment.
DELIVERIES_AT_ONCE = 64
# Only the status of the answer matters; this much of its body keeps the connection reusable.
ANSWER_BYTES_READ = 65_536


class Webhooks:
    """Delivers webhooks, inline or in the background, and remembers the latest attempts."""

    def __init__(
        self, settings: GatewaySettings, panel: Panel[GatewayKnobs], background: Background
    ) -> None:
        self._settings = settings
        self._panel = panel
        self._background = background
        self._chance = random.Random(f"deliveries:{settings.seed}")
        self._strikes: Strikes[WebhookFault] = Strikes(f"webhooks:{settings.seed}")
        limits = httpx.Limits(max_connections=DELIVERIES_AT_ONCE)
        self._client = httpx.AsyncClient(
            transport=settings.transport or Outgoing(limits=limits, trust_env=False),
            trust_env=False,
            follow_redirects=True,
        )
        self._slots = asyncio.Semaphore(DELIVERIES_AT_ONCE)
        self.deliveries: deque[dict[str, Any]] = deque(maxlen=DELIVERIES_KEPT)
        self._past: deque[Webhook] = deque(maxlen=PAST_KEPT)
        self.forget()

    def forget(self) -> None:
        """Nothing is waiting and nothing was ever sent. The background has ended before."""
        self._waiting: dict[str, deque[Webhook]] = {}
        self._waiting_count = 0
        self.dropped = 0
        self.deliveries.clear()
        self._past.clear()

    async def settle(self) -> None:
        """Wait until no webhook is on its way, nor anything else that may bring one about."""
        await self._background.settle()

    async def close(self) -> None:
        """Drop what is still waiting and close the connections."""
        await self._background.end()
        await self._client.aclose()

    async def send(
        self,
        *,
        payment_id: str,
        status: str,
        team_slug: str,
        url: str,
        data: dict[str, Any],
        at_once: bool,
    ) -> None:
        """Send one webhook: at once, or behind the payment's earlier ones in the background."""
        content = {
            "paymentId": payment_id,
            "status": status,
            "teamSlug": team_slug,
            "timestamp": timestamp(self._settings.now()),
            "data": data,
        }
        secret = self._settings.webhook_secret
        planned = [written(content, url=url, secret=secret)]
        fault = self._strikes.next(self._panel.knobs.webhook_faults, status)
        if fault is not None:
            planned = spoiled(
                planned[0], fault, secret=secret, past=self._past, chance=self._chance
            )
        inline = at_once or self._panel.knobs.webhook_mode == "inline"
        for webhook in planned:
            self._past.append(webhook)
            if webhook.overtaken:
                self._background.start(self._deliver(webhook))
            elif inline:
                await self._deliver(webhook)
            else:
                self._enqueue(webhook)

    def _enqueue(self, webhook: Webhook) -> None:
        if self._waiting_count >= WAITING_MAX:
            self.dropped += 1
            return
        self._waiting_count += 1
        queue = self._waiting.get(webhook.payment_id)
        if queue is not None:
            queue.append(webhook)
            return
        self._waiting[webhook.payment_id] = deque([webhook])
        if not self._background.start(self._deliver_all(webhook.payment_id)):
            del self._waiting[webhook.payment_id]
            self._waiting_count -= 1

    async def _deliver_all(self, payment_id: str) -> None:
        queue = self._waiting[payment_id]
        try:
            while queue:
                await self._deliver(queue[0])
                queue.popleft()
                self._waiting_count -= 1
        finally:
            self._waiting_count -= len(queue)
            del self._waiting[payment_id]

    async def _deliver(self, webhook: Webhook) -> None:
        if webhook.delay_s:
            await self._settings.sleep(webhook.delay_s)
        delays = self._panel.knobs.webhook_retry_delays_s
        for attempt, delay in enumerate((*delays, None), start=1):
            if await self._attempt(webhook, attempt) or delay is None:
                return
            await self._settings.sleep(delay)

    async def _attempt(self, webhook: Webhook, attempt: int) -> bool:
        delivery_id = str(uuid.UUID(int=self._chance.getrandbits(128), version=4))
        http_status, error = None, None
        async with self._slots:
            try:
                http_status = await self._post(webhook, delivery_id)
            except (httpx.HTTPError, httpx.InvalidURL) as failure:
                error = type(failure).__name__
        self.deliveries.append(
            {
                "delivery_id": delivery_id,
                "payment_id": webhook.payment_id,
                "status": webhook.status,
                "url": webhook.url,
                "attempt": attempt,
                "http_status": http_status,
                "error": error,
                "at": timestamp(self._settings.now()),
                "body": orjson.Fragment(webhook.body),
            }
        )
        return http_status is not None and 200 <= http_status < 300

    async def _post(self, webhook: Webhook, delivery_id: str) -> int:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "PaymentGateway-Webhook/1.0",
            # An answer that unpacks to gigabytes is of no interest.
            "Accept-Encoding": "identity",
            "X-Webhook-Event": "payment_status_change",
            "X-Webhook-Delivery": delivery_id,
        }
        if webhook.signature is not None:
            headers["X-Webhook-Signature"] = webhook.signature
        stream = self._client.stream(
            "POST",
            webhook.url,
            content=webhook.body,
            headers=headers,
            timeout=self._panel.knobs.webhook_timeout_s,
        )
        async with stream as answer:
            read = 0
            async for chunk in answer.aiter_bytes():
                read += len(chunk)
                if read > ANSWER_BYTES_READ:
                    break
            return answer.status_code
