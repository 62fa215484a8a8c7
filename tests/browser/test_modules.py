"""What pages reckon with: bits, changes, geometry, time. Pure modules, run where they will run."""

import json
from typing import Any

import pytest

from tests.browser.stage import BOOKING, Stage, packed, problem

pytestmark = pytest.mark.browser

ZONES = [
    {"name": "A", "first_row": 1, "last_row": 1, "price": "1.00"},
    {"name": "B", "first_row": 2, "last_row": 2, "price": "2.00"},
]
PLAN = {"id": 7, "rows": 2, "seats_per_row": 5, "zones": ZONES}
HALL = f"new m.Hall({json.dumps(PLAN)})"
VIEW = {"width": 390, "height": 400, "columns": 1000, "rows": 100}


def test_a_map_is_unpacked_two_bits_a_seat(modules: Stage) -> None:
    """The version is whole up to 2^53, and the last byte may hold fewer than four seats."""
    states = [0, 1, 2, 3, 3, 2, 1, 0, 2]
    sent = list(packed(2**53 - 1, states))
    script = f"""(() => {{
      const {{version, states}} = m.unpack(new Uint8Array({sent}).buffer, {len(states)});
      return [version, [...states]];
    }})()"""
    assert [2**53 - 1, states] == modules.run("hall/bits.js", script)


def test_a_map_that_is_too_short_is_no_map(modules: Stage) -> None:
    """Half a hall would be shown as free."""
    script = """(() => {
      try { m.unpack(new ArrayBuffer(9), 5); } catch (error) { return error.name; }
    })()"""
    assert "RangeError" == modules.run("hall/bits.js", script)


def test_seats_are_counted_as_they_change(modules: Stage) -> None:
    """Only what differs is told, and free seats are counted by row and zone."""
    script = f"""(() => {{
      const hall = {HALL};
      hall.fill(new Uint8Array([0, 0, 1, 2, 3, 0, 0, 0, 0, 0]));
      const before = [...hall.free];
      const changed = hall.change({{free: [2, 0], reserved: [5], sold: [6, 99]}});
      const zones = hall.zones.map((one) => hall.freeIn(one));
      return [before, changed, hall.free, zones, [...hall.states]];
    }})()"""
    before, changed, free, by_zone, states = modules.run("hall/hall.js", script)
    assert ([2, 5], [2, 5, 6], [3, 3], [3, 3]) == (before, changed, free, by_zone)
    assert [0, 0, 0, 2, 3, 1, 2, 0, 0, 0] == states


def test_a_seat_has_one_name_everywhere(modules: Stage) -> None:
    """Index, place and id lead to each other; a seat of one's own is one's own before all."""
    script = f"""(() => {{
      const hall = {HALL};
      hall.mine.add(8);
      const {{name}} = hall.zone(8);
      return [hall.seatId(8), hall.indexOf(70020004), hall.place(8), hall.state(8), name];
    }})()"""
    assert [70_020_004, 8, {"row": 2, "number": 4}, 4, "B"] == modules.run("hall/hall.js", script)


def test_the_whole_hall_fits_and_seats_are_square_in_the_end(modules: Stage) -> None:
    """From afar a cell is narrow; as near as can be it is as large as a finger."""
    script = f"[m.scales(m.wholeHall({VIEW}), {VIEW}), m.scales({{zoom: 1, x: 0, y: 0}}, {VIEW})]"
    far, near = modules.run("hall/camera.js", script)
    assert {"across": pytest.approx(0.39), "down": pytest.approx(4)} == far
    assert {"across": 44, "down": 44} == near


@pytest.mark.parametrize(("left", "top"), [(195, 200), (300, 120), (90, 333)])
def test_what_is_below_the_pointer_stays_there(modules: Stage, left: int, top: int) -> None:
    """Zooming is about a point."""
    script = f"""(() => {{
      const view = {json.dumps(VIEW)};
      const before = m.zoomed(m.wholeHall(view), view, 0.5, 195, 200);
      const after = m.zoomed(before, view, 0.2, {left}, {top});
      const points = [before, after].map((one) => m.toHall(one, view, {left}, {top}));
      return [...points, after.zoom];
    }})()"""
    before, after, zoom = modules.run("hall/camera.js", script)
    assert pytest.approx(before["x"]) == after["x"]
    assert pytest.approx(before["y"]) == after["y"]
    assert pytest.approx(0.7) == zoom


def test_the_camera_stays_in_the_hall(modules: Stage) -> None:
    """However far one drags, the wall is at the edge."""
    script = f"m.seen(m.moved({{zoom: 1, x: 5, y: 5}}, {VIEW}, 9999, 9999), {VIEW})"
    assert {"left": 0, "top": 0, "right": 8, "bottom": 9} == modules.run("hall/camera.js", script)
    outside = f"m.cellAt(m.wholeHall({VIEW}), {{...{VIEW}, columns: 10}}, 389, 200)"
    assert modules.run("hall/camera.js", outside) is None


def test_a_pixel_and_its_seat_agree(modules: Stage) -> None:
    """The middle of a cell is that cell."""
    script = f"""(() => {{
      const view = {json.dumps(VIEW)};
      const camera = m.nearTo(m.wholeHall(view), view, 500, 40);
      const at = m.toView(camera, view, 502.5, 41.5);
      return m.cellAt(camera, view, at.left, at.top);
    }})()"""
    assert {"column": 502, "row": 41} == modules.run("hall/camera.js", script)


def test_time_is_told_to_the_second(modules: Stage) -> None:
    """A second that has begun is shown; nothing is less than nothing."""
    script = "[900000, 61001, 60000, 1, 0].map(m.face).concat([m.left(5, 9), m.left(9, 5)])"
    told = modules.run("buying/countdown.js", script)
    assert ["15:00", "1:02", "1:00", "0:01", "0:00", 0, 4] == told


def test_a_warning_is_said_once(modules: Stage) -> None:
    """When its mark is passed; the last one, where a sleeping phone has passed several."""
    looks = [[121_000, 120_000], [120_000, 119_000], [31_000, 29_000], [200_000, 0], [1, 0], [0, 0]]
    script = f"{looks}.map((two) => m.warning(...two))"
    assert [120_000, None, 30_000, 0, 0, None] == modules.run("buying/countdown.js", script)


def test_the_server_s_time_is_learned_from_its_answers(modules: Stage) -> None:
    """Each Date is cut to the second; together they say more; a clock that was set counts anew."""
    script = """(() => {
      const first = m.learn(m.UNKNOWN, 10000, 5000, 5200);
      const second = m.learn(first, 20000, 14300, 14400);
      const set = m.learn(second, 90000, 15000, 15100);
      return [m.offset(m.UNKNOWN), first, second, m.offset(second), set];
    })()"""
    unknown, first, second, middle, set_anew = modules.run("base/clock.js", script)
    assert 0 == unknown
    assert {"least": 4800, "most": 6000} == first
    assert {"least": 5600, "most": 6000} == second
    assert 5800 == middle
    assert {"least": 74_900, "most": 76_000} == set_anew


@pytest.mark.parametrize(
    ("stored", "wanted", "chosen"),
    [
        ("kk", ["ru-RU"], "kk"),
        (None, ["de-DE", "kk-KZ", "ru"], "kk"),
        (None, ["en-GB"], "en"),
        ("xx", ["fr"], "ru"),
        (None, [], "ru"),
    ],
)
def test_the_language_is_what_the_reader_wants(
    modules: Stage, stored: str | None, wanted: list[str], chosen: str
) -> None:
    """Chosen once, else the browser's first that we speak, else Russian."""
    script = f"m.chooseLanguage({json.dumps(stored)}, {json.dumps(wanted)})"
    assert chosen == modules.run("base/words.js", script)


def test_numbers_decide_the_form_of_words(modules: Stage) -> None:
    """Russian has three, and groups its digits."""
    script = "[1, 3, 5, 21, 12000].map((n) => m.say('event.free', {n}))"
    told = [one.replace("\u00a0", " ") for one in modules.run("base/words.js", script)]
    assert "свободно 1 место, свободно 3 места, свободно 5 мест" == ", ".join(told[:3])
    assert ["свободно 21 место", "свободно 12 000 мест"] == told[3:]


def test_money_and_times_are_written_as_the_reader_does(modules: Stage) -> None:
    """Tiyn only where there are any; a time at the hall is shown as it stands."""
    script = "[m.money('40000.00'), m.money('1500.50'), m.hallTime('2027-12-31T19:30:00')]"
    told = [one.replace("\u00a0", " ") for one in modules.run("base/words.js", script)]
    assert ["40 000 ₸", "1 500,50 ₸"] == told[:2]
    assert "31 декабря 2027" in told[2]
    assert "19:30" in told[2]


def test_a_login_is_sent_in_utf_8(modules: Stage) -> None:
    """One email in nine holds Cyrillic letters, one password in eight a colon."""
    assert "Basic 0LDQvdC90LA6cDphOnNz" == modules.run(
        "base/session.js", "m.basic('анна', 'p:a:ss')"
    )


def test_a_refusal_of_whoever_was_here_before_ends_no_login(modules: Stage) -> None:
    """A slow answer to the one who has left; her own ends it."""
    script = """(async () => {
      const {Problem} = await import("/web/base/api.js");
      const refused = () => { throw new Problem("unauthenticated", 401); };
      await m.buyer.enter("anna", "word");
      const slow = m.buyer.asking(async () => {
        m.buyer.leave();
        await m.buyer.enter("bella", "word");
        refused();
      });
      await slow.catch(() => {});
      const here = m.buyer.name;
      await m.buyer.asking(refused).catch(() => {});
      return [here, m.buyer.name];
    })()"""
    assert ["bella", ""] == modules.run("base/session.js", script)


def passing(name: str, status: int) -> dict[str, Any]:
    return problem(name, status, **{"retry-after": "0"})


PROXY_S = {"status": 502, "body": "<html>502 Bad Gateway</html>", "content_type": "text/html"}


@pytest.mark.parametrize(
    "told", [PROXY_S, passing("unreachable", 502), passing("no-answer", 504)], ids=str
)
def test_a_click_outlives_a_restart_behind_a_proxy(modules: Stage, told: dict[str, Any]) -> None:
    """It is sent again with the same key: the service does it once, whether it had or not."""
    before = len(modules.calls("POST", "/api/bookings"))
    modules.next_time("POST", "/api/bookings", told)
    script = "await m.change('POST', '/api/bookings', {event_id: 7})"
    assert {"id": BOOKING} == modules.run("base/api.js", script)
    keys = [
        one.headers["idempotency-key"] for one in modules.calls("POST", "/api/bookings")[before:]
    ]
    assert 2 == len(keys)
    assert 1 == len(set(keys))


BROKEN = """(async () => {
  const [fetched, keys] = [window.fetch, []];
  window.fetch = (path, request) => {
    keys.push(request.headers.get("idempotency-key"));
    if (keys.length > 1) return fetched(path, request);
    return Promise.resolve(new Response(new ReadableStream({
      start: (body) => body.enqueue(new TextEncoder().encode('{"id": 7')),
      pull: (body) => body.error(new TypeError("network error")),
    })));
  };
  try { return [await %s, keys]; } finally { window.fetch = fetched; }
})()"""


@pytest.mark.parametrize("call", ["get('/x/events/7')", "getBytes('/x/events/7/seatmap')"])
def test_an_answer_that_breaks_off_is_asked_for_again(modules: Stage, call: str) -> None:
    """Its head had come, so the call had been answered; no word of it can be used."""
    _, keys = modules.run("base/api.js", BROKEN % f"m.{call}")
    assert [None, None] == keys


def test_a_change_whose_answer_breaks_off_is_done_once(modules: Stage) -> None:
    """It is sent again with the same key."""
    call = "m.change('POST', '/api/bookings', {event_id: 7})"
    made, (first, second) = modules.run("base/api.js", BROKEN % call)
    assert {"id": BOOKING} == made
    assert first == second


UNHEARD = """(async () => {
  const [fetched, keys] = [window.fetch, []];
  window.fetch = (path, request) => {
    keys.push(request.headers.get("idempotency-key"));
    if (keys.length > 1) return fetched(path, request);
    return new Promise((_, fail) => request.signal.addEventListener("abort", () => fail("late")));
  };
  window.keys = keys;
  window.made = m.%s;
})()"""


def test_a_change_that_nobody_answers_is_sent_again(stage: Stage) -> None:
    """As over a connection that a phone's network has forgotten; with the same key."""
    page = stage.page
    page.clock.install()
    stage.run("base/api.js", UNHEARD % "change('POST', '/api/bookings', {event_id: 7})")
    page.clock.run_for(59_000)
    assert 1 == len(page.evaluate("keys"))
    page.clock.run_for(2_000)
    assert {"id": BOOKING} == page.evaluate("made")
    first, second = page.evaluate("keys")
    assert first == second


def test_a_wait_leaves_nothing_behind(modules: Stage) -> None:
    """A page that is open for a day waits forty thousand times for the same signal."""
    script = """(async () => {
      const heard = new Set();
      const signal = {
        addEventListener: (_, listener) => heard.add(listener),
        removeEventListener: (_, listener) => heard.delete(listener),
      };
      await m.wait(1, signal);
      return heard.size;
    })()"""
    assert 0 == modules.run("base/api.js", script)


@pytest.mark.parametrize("name", ["waiting-room", "gateway-down"])
def test_what_the_service_itself_refuses_is_told_at_once(modules: Stage, name: str) -> None:
    """Its 503 has a reason that a person should know of."""
    modules.next_time("POST", "/api/bookings", problem(name, 503))
    script = "await m.change('POST', '/api/bookings', {event_id: 7}).catch((error) => error.name)"
    assert name == modules.run("base/api.js", script)


def paid(status: str, *steps: str, **more: object) -> dict[str, object]:
    timeline = [{"what": step} for step in steps]
    return {"status": status, "page": "", "refund_pending": False, "timeline": timeline, **more}


@pytest.mark.parametrize(
    ("status", "payments", "expected"),
    [
        ("CONFIRMED", [paid("CAPTURED", "PaymentCaptured")], "paid"),
        ("PAYMENT_INITIATED", [paid("PENDING", "PaymentRegistered")], "toPay"),
        ("PAYMENT_INITIATED", [paid("AUTHORIZED", "PaymentAuthorized")], "checking"),
        (
            "PAYMENT_INITIATED",
            [
                paid("RETURN_DUE", "ReturnOwed", refund_pending=True),
                paid("PENDING", "PaymentRegistered"),
            ],
            "toPay",
        ),
        ("CREATED", [], "unpaid"),
        ("CREATED", [paid("REFUSED", "PaymentRefused")], "failedHeld"),
        ("CANCELLED", [paid("FAILED", "PaymentFailed")], "failedFree"),
        ("CANCELLED", [paid("FAILED", "BookingExpired")], "failedFree"),
        ("CANCELLED", [paid("FAILED", "BookingCancelled")], "cancelled"),
        ("CANCELLED", [], "cancelled"),
        ("CANCELLED", [paid("RETURN_DUE", "ReturnOwed", refund_pending=True)], "refunding"),
        (
            "CANCELLED",
            [paid("RETURNED", "PaymentAuthorized", "BookingCancelled", "PaymentReturned")],
            "returned",
        ),
        ("CANCELLED", [paid("RETURNED", "BookingCancelled", "PaymentReturned")], "cancelled"),
        ("CANCELLED", [paid("RETURNED", "BookingExpired", "PaymentReturned")], "failedFree"),
        ("CREATED", [paid("RETURNED", "SeatReleased", "PaymentReturned")], "failedHeld"),
        ("CREATED", [paid("RETURN_DUE", "SeatReleased", refund_pending=True)], "failedHeld"),
    ],
)
def test_an_outcome_has_one_name(
    modules: Stage, status: str, payments: list[dict[str, object]], expected: str
) -> None:
    """From what the service says to what the page tells."""
    booking = {"status": status, "seats": [], "payments": payments}
    assert expected == modules.run("buying/outcome.js", f"m.outcome({json.dumps(booking)})")


def test_a_step_is_told_by_what_came_before_it(modules: Stage) -> None:
    """As the service tells it: what was given up has no seats, and what nobody paid no money."""
    given_up, held = [{"what": "SeatReleased"}], [{"what": "PaymentAuthorized"}]
    for what, earlier, name in (
        ("PaymentFailed", [], "PaymentFailed"),
        ("PaymentFailed", given_up, "PaymentFailed.late"),
        ("PaymentRefused", [], "PaymentRefused"),
        ("PaymentRefused", given_up, "PaymentRefused.late"),
        ("PaymentReturned", held, "PaymentReturned"),
        ("PaymentReturned", given_up, "PaymentReturned.unpaid"),
        ("ReservationRefused", held, "ReservationRefused"),
        ("ReservationRefused", [], "ReservationRefused.unpaid"),
    ):
        script = f"m.stepName({json.dumps(what)}, {json.dumps(earlier)})"
        assert name == modules.run("buying/outcome.js", script)
