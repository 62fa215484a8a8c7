"""Webhooks: what the merchant is told, how it is signed, and how often it is tried.

For one payment they go out one after the other, in the order of the changes; payments do not
wait for each other. After the last attempt a webhook is lost, as with the real service.
"""

import asyncio
import hashlib
import hmac
import random
import uuid
from collections import deque
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from emulators.gateway.knobs import GatewayKnobs
from emulators.gateway.moments import timestamp
from emulators.gateway.settings import GatewaySettings
from emulators.knobs import Panel

# What `GET /__emu/webhooks` remembers; older attempts are forgotten.
DELIVERIES_KEPT = 10_000
# Waiting webhooks, together some 60 MB; more are dropped and counted, like any lost webhook.
WAITING_MAX = 100_000
# A merchant that is down must not cost a connection per payment.
DELIVERIES_AT_ONCE = 64
# Only the status of the answer matters; this much of its body keeps the connection reusable.
ANSWER_BYTES_READ = 65_536


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhook:
    """One message, ready to send."""

    payment_id: str
    status: str
    url: str
    body: bytes


class Webhooks:
    """Delivers webhooks, inline or in the background, and remembers the latest attempts."""

    def __init__(self, settings: GatewaySettings, panel: Panel[GatewayKnobs]) -> None:
        self._settings = settings
        self._panel = panel
        self._ids = random.Random(f"deliveries:{settings.seed}")
        self._client = httpx.AsyncClient(
            transport=settings.transport,
            trust_env=False,
            follow_redirects=True,
            limits=httpx.Limits(max_connections=DELIVERIES_AT_ONCE),
        )
        self._waiting: dict[str, deque[Webhook]] = {}
        self._waiting_count = 0
        # A dict for its order: a set would end its tasks in another one in every process.
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._slots = asyncio.Semaphore(DELIVERIES_AT_ONCE)
        self.dropped = 0
        self.deliveries: deque[dict[str, Any]] = deque(maxlen=DELIVERIES_KEPT)

    async def send(self, *, payment_id: str, status: str, url: str, data: dict[str, Any]) -> None:
        """Send one webhook: at once, or behind the payment's earlier ones in the background."""
        body = {
            "paymentId": payment_id,
            "status": status,
            "teamSlug": self._settings.team_slug,
            "timestamp": timestamp(self._settings.now()),
            "data": data,
        }
        webhook = Webhook(payment_id=payment_id, status=status, url=url, body=orjson.dumps(body))
        if self._panel.knobs.webhook_mode == "inline":
            await self._deliver(webhook)
        else:
            self._enqueue(webhook)

    async def settle(self) -> None:
        """Wait until no webhook is on its way."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Drop what is still waiting and close the connections."""
        await self.forget()
        await self._client.aclose()

    async def forget(self) -> None:
        """Drop what is waiting and what is remembered."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._waiting.clear()
        self._waiting_count = 0
        self.dropped = 0
        self.deliveries.clear()

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
        task = asyncio.create_task(self._deliver_all(webhook.payment_id))
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)

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
        delays = self._panel.knobs.webhook_retry_delays_s
        for attempt, delay in enumerate((*delays, None), start=1):
            if await self._attempt(webhook, attempt) or delay is None:
                return
            await self._settings.sleep(delay)

    async def _attempt(self, webhook: Webhook, attempt: int) -> bool:
        delivery_id = str(uuid.UUID(int=self._ids.getrandbits(128), version=4))
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
        if self._settings.webhook_secret is not None:
            headers["X-Webhook-Signature"] = signature(webhook.body, self._settings.webhook_secret)
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


def signature(body: bytes, secret: str) -> str:
    """The value of `X-Webhook-Signature` over exactly these bytes."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
