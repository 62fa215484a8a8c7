"""`/api/v1/TeamManagement/profile`: what the merchant may see and set about itself."""

import base64
import binascii
import hmac
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from emulators.gateway.desk import Desk, desk_of
from emulators.gateway.init import is_absolute_url
from emulators.gateway.requests import URL_CHARACTERS_MAX
from emulators.wire import json_answer, read_control


async def profile(request: Request) -> Response:
    desk = desk_of(request)
    if not _is_merchant(desk, request.headers.get("authorization", "")):
        headers = {"WWW-Authenticate": 'Basic realm="PaymentGateway"'}
        answer = json_answer({"success": False, "message": "Authentication failed"}, 401)
        answer.headers.update(headers)
        return answer
    if request.method == "PUT":
        change = await read_control(request)
        url = next((url for name, url in change.items() if name.lower() == "notificationurl"), None)
        if url is not None:
            if not (isinstance(url, str) and _is_fit(url)):
                return json_answer({"success": False, "message": "notificationUrl is invalid"}, 400)
            desk.notification_url = url
    return json_answer(_profile(desk))


def _profile(desk: Desk) -> dict[str, Any]:
    return {
        "success": True,
        "teamSlug": desk.settings.team_slug,
        "isActive": desk.knobs.team_active,
        "notificationUrl": desk.notification_url,
        "enableWebhooks": desk.knobs.webhooks,
        "supportedCurrencies": desk.knobs.currencies,
    }


def _is_fit(url: str) -> bool:
    return len(url) <= URL_CHARACTERS_MAX and is_absolute_url(url)


def _is_merchant(desk: Desk, authorization: str) -> bool:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    known = f"{desk.settings.team_slug}:{desk.settings.password}".encode()
    return hmac.compare_digest(given, known)
