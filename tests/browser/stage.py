"""A browser's page and the service behind it, which answers what the test has told it to."""

import struct
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request, Route

import web
from api.reply import security

ORIGIN = "http://billetter.test"
MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
POLICY = dict(security())[b"content-security-policy"].decode()
PAGES = {"/": "index"} | {
    f"/{path.stem}": path.stem for path in web.files() if path.suffix == ".html"
}
ROWS, COLUMNS = 6, 60
BOOKING = 7_000_000_001
WAIT_MS, WAITS_MAX = 10, 2_000
FREE, RESERVED, SOLD, WITHHELD = 0, 1, 2, 3

Answer = Callable[[Request], dict[str, Any]]


def problem(name: str, status: int, **headers: str) -> dict[str, Any]:
    body = {"type": f"/problems/{name}", "title": "", "status": status, "detail": ""}
    return {"status": status, "json": body, "headers": headers}


class Withheld:
    """Calls to an address, each answered when the test says how.

    A page's request is told a moment before its route is: whoever waits for the one may be without
    the other.
    """

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.routes: list[Route] = []
        page.route(address, self._keep)

    def next(self) -> Route:
        """The oldest that was not taken yet, once it is there."""
        for _ in range(WAITS_MAX):
            if self.routes:
                return self.routes.pop(0)
            self.page.wait_for_timeout(WAIT_MS)
        raise AssertionError("nobody has called")

    def answer_late(self, route: Route, answer: dict[str, Any]) -> None:
        """When it is back the page has read it, and done with it what it will."""
        with self.page.expect_event("requestfinished", lambda one: one == route.request):
            route.fulfill(**answer)
        self.page.evaluate("new Promise((read) => setTimeout(read, 50))")

    def _keep(self, route: Route) -> None:
        self.routes.append(route)


class Stage:
    """Event 7: six rows of sixty, two zones; seat 1 of row 1 is sold, seat 2 reserved."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.asked: list[Request] = []
        self.states = [FREE] * (ROWS * COLUMNS)
        self.states[0], self.states[1] = SOLD, RESERVED
        self.changes: dict[str, Any] = {"version": 1, "whole": False}
        self.held: list[int] = []
        self.status = "CREATED"
        self.expires_at = ""
        self.title = "Опера"
        self.returnable_until = "2099-12-31T02:30:00.000Z"
        self.payments: list[dict[str, Any]] = []
        self.answers: dict[tuple[str, str], list[dict[str, Any]]] = {}
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._listen)
        page.route("**/*", self._answer)

    def open(self, address: str) -> None:
        self.page.goto(ORIGIN + address)

    def log_in(self, kind: str = "buyer") -> None:
        """As if somebody had done so in this tab before."""
        self.page.add_init_script(
            f"sessionStorage.setItem('{kind}-authorization', 'Basic eDp5');"
            f"sessionStorage.setItem('{kind}-name', 'anna')"
        )

    def run(self, module: str, expression: str) -> Any:
        """What `expression` is, with the exports of a module of web/ as `m`."""
        if self.page.url != ORIGIN + "/blank":
            self.open("/blank")
        script = f"async () => {{ const m = await import('/web/{module}'); return {expression}; }}"
        return self.page.evaluate(script)

    def next_time(self, method: str, path: str, *answers: dict[str, Any]) -> None:
        """What the next calls are answered, before the service is itself again."""
        self.answers.setdefault((method, path), []).extend(answers)

    def calls(self, method: str, path: str) -> list[Request]:
        return [one for one in self.asked if (one.method, urlsplit(one.url).path) == (method, path)]

    def _listen(self, said: ConsoleMessage) -> None:
        if "Content Security Policy" in said.text:
            self.errors.append(said.text)

    def _answer(self, route: Route) -> None:
        request = route.request
        self.asked.append(request)
        path = urlsplit(request.url).path
        told = self.answers.get((request.method, path))
        if told:
            route.fulfill(**told.pop(0))
        elif "." in path or path in PAGES:
            name = f"{PAGES[path]}.html" if path in PAGES else path.removeprefix("/web/")
            file = web.ROOT / name
            headers = {"content-type": MEDIA_TYPES[file.suffix], "content-security-policy": POLICY}
            route.fulfill(body=file.read_bytes(), headers=headers)
        else:
            route.fulfill(**self._service(request, path))

    def _service(self, request: Request, path: str) -> dict[str, Any]:
        calls: dict[tuple[str, str], Answer] = {
            ("GET", "/x/events/7"): lambda _: {"json": self.event()},
            ("GET", "/x/events/7/plan"): lambda _: {"json": self.plan()},
            ("GET", "/x/events/7/seatmap"): self._map,
            ("GET", "/api/bookings"): lambda _: {"json": self._bookings()},
            ("POST", "/api/bookings"): lambda _: {"status": 201, "json": {"id": BOOKING}},
            ("GET", f"/x/bookings/{BOOKING}"): lambda _: {"json": self.booking()},
            ("PATCH", "/api/seats/select"): self._select,
            ("PATCH", "/api/seats/release"): self._release,
        }
        answer = calls.get((request.method, path))
        if answer is None:
            return {"status": 200, "body": ""} if path == "/blank" else problem("no-such-path", 404)
        return answer(request)

    def event(self) -> dict[str, Any]:
        return {
            "id": 7,
            "title": "Опера <b>Ночь</b>",
            "description": "Без антракта.",
            "datetime_start": "2027-12-31T19:30:00",
            "provider": "Сахна",
            "active": True,
        }

    def plan(self) -> dict[str, Any]:
        zones = [
            {"name": "Партер", "first_row": 1, "last_row": 4, "price": "40000.00"},
            {"name": "Балкон", "first_row": 5, "last_row": 6, "price": "1500.50"},
        ]
        return {
            "id": 7,
            "rows": ROWS,
            "seats_per_row": COLUMNS,
            "zones": zones,
            "hold_seconds": 900,
            "return_hours": 12,
        }

    def _map(self, request: Request) -> dict[str, Any]:
        if "since" in parse_qs(urlsplit(request.url).query):
            told = {"free": [], "reserved": [], "sold": [], **self.changes}
            return {"json": told}
        return {"body": packed(1, self.states), "content_type": "application/octet-stream"}

    def _bookings(self) -> list[dict[str, Any]]:
        if not self.held and self.status == "CREATED":
            return []
        return [{"id": BOOKING, "event_id": 7, "seats": [{"id": one} for one in self.held]}]

    def booking(self) -> dict[str, Any]:
        return {
            "id": BOOKING,
            "event_id": 7,
            "title": self.title,
            "starts_at": "2027-12-31T19:30:00",
            "returnable_until": self.returnable_until if self.status == "CONFIRMED" else "",
            "status": self.status,
            "created_at": "2027-01-01T00:00:00.000Z",
            "expires_at": self.expires_at,
            "seats": [{"id": one} for one in self.held],
            "payments": self.payments,
        }

    def _select(self, request: Request) -> dict[str, Any]:
        self.held.append(_sent(request)["seat_id"])
        return {"json": {"message": "Место успешно добавлено в бронь"}}

    def _release(self, request: Request) -> dict[str, Any]:
        self.held.remove(_sent(request)["seat_id"])
        return {"json": {"message": "Место успешно освобождено"}}


def _sent(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = request.post_data_json or {}
    return body


def packed(version: int, states: list[int]) -> bytes:
    """The map as it comes: eight bytes of version, two bits a seat."""
    content = bytearray((len(states) + 3) // 4)
    for index, state in enumerate(states):
        content[index // 4] |= state << 2 * (index % 4)
    return struct.pack(">Q", version) + bytes(content)
