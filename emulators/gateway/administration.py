"""Who may take payments: a team's own profile, and what an administrator does.

The real service's answers to administrators are not known; these are as plain as can be.
"""

import base64
import binascii
import hmac
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from emulators.gateway.desk import Desk, desk_of
from emulators.gateway.requests import URL_CHARACTERS_MAX
from emulators.gateway.teams import Team, TeamTaken
from emulators.wire import is_absolute_url, json_answer, read_control

SLUG_CHARACTERS_MAX = 50  # as in every request


async def profile(request: Request) -> Response:
    """`TeamManagement/profile`: what a merchant may see and set about itself, by Basic auth."""
    desk = desk_of(request)
    team = _merchant(desk, request.headers.get("authorization", ""))
    if team is None:
        answer = _refused(401, "Authentication failed")
        answer.headers["WWW-Authenticate"] = 'Basic realm="PaymentGateway"'
        return answer
    if request.method == "PUT":
        url = (await _fields(request)).get("notificationurl")
        if url is not None:
            if not _is_fit(url):
                return _refused(400, "notificationUrl is invalid")
            team.notification_url = url
    return json_answer(_profile(desk, team))


async def register(request: Request) -> Response:
    """`TeamRegistration/register`: another merchant."""
    desk = desk_of(request)
    if not _is_administrator(desk, request):
        return _refused(401, "Invalid admin token")
    fields = await _fields(request)
    slug, password, url = (fields.get(name) for name in ("teamslug", "password", "notificationurl"))
    if not (isinstance(slug, str) and 0 < len(slug) <= SLUG_CHARACTERS_MAX):
        return _refused(400, "teamSlug is required")
    if not (isinstance(password, str) and password):
        return _refused(400, "password is required")
    if url is not None and not _is_fit(url):
        return _refused(400, "notificationUrl is invalid")
    team = Team(slug=slug, password=password, notification_url=url)
    try:
        desk.teams.add(team)
    except TeamTaken:
        return _refused(409, "teamSlug is taken")
    return json_answer(_profile(desk, team), 201)


async def clear_team(request: Request) -> Response:
    """`Admin/clear-team-data/{slug}`: a team's payments are gone, its order ids free again."""
    desk = desk_of(request)
    if not _is_administrator(desk, request):
        return _refused(401, "Invalid admin token")
    slug = request.path_params["slug"]
    if desk.teams.find(slug) is None:
        return _refused(404, "Team not found")
    return json_answer({"success": True, "deletedPayments": desk.book.forget_team(slug)})


async def clear_all(request: Request) -> Response:
    """`Admin/clear-database`: as just started, but for the knobs."""
    desk = desk_of(request)
    if not _is_administrator(desk, request):
        return _refused(401, "Invalid admin token")
    await desk.reset()
    return json_answer({"success": True})


def _profile(desk: Desk, team: Team) -> dict[str, Any]:
    return {
        "success": True,
        "teamSlug": team.slug,
        "isActive": desk.knobs.team_active,
        "notificationUrl": team.notification_url,
        "enableWebhooks": desk.knobs.webhooks,
        "supportedCurrencies": desk.knobs.currencies,
    }


async def _fields(request: Request) -> dict[str, Any]:
    """The JSON object of the body by lower-cased name."""
    return {name.lower(): value for name, value in (await read_control(request)).items()}


def _refused(status: int, message: str) -> Response:
    return json_answer({"success": False, "message": message}, status)


def _is_fit(url: object) -> bool:
    return isinstance(url, str) and len(url) <= URL_CHARACTERS_MAX and is_absolute_url(url)


def _is_administrator(desk: Desk, request: Request) -> bool:
    given = request.headers.get("x-admin-token", "")
    return hmac.compare_digest(given.encode(), desk.settings.admin_token.encode())


def _merchant(desk: Desk, authorization: str) -> Team | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        slug, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return desk.teams.authenticated(slug, password)
