"""An allotment over HTTP: of somebody else's hall a few seats are ours, and no other is shown."""

from tests.api.rooms import ANN, BOB, OPERA, Rooms, seat

SEATS = f"/api/seats?event_id={OPERA}"
# What was given to us, in order of rows and numbers.
OURS = [
    *(seat(number, event_id=OPERA, row=1) for number in (8, 9, 10)),
    *(seat(number, event_id=OPERA, row=2) for number in (1, 2)),
]
NOT_OURS = seat(3, event_id=OPERA, row=2)


def listed(rooms: Rooms, query: str = "") -> list[int]:
    return [one["id"] for one in rooms.call("GET", SEATS + query).json]


def test_lists_show_the_allotment_alone(rooms: Rooms) -> None:
    """Of any status or FREE, of a row or all, by page or dealt: no other seat is ever there."""
    assert OURS == listed(rooms)
    assert OURS[3:] == listed(rooms, "&page=2&pageSize=3")
    assert OURS[:3] == listed(rooms, "&row=1")
    assert [] == listed(rooms, "&row=3")
    assert OURS == listed(rooms, "&status=FREE&page=1")
    assert [OURS, OURS] == [listed(rooms, "&status=FREE") for _ in range(2)]


def test_figures_count_the_allotment_alone(rooms: Rooms) -> None:
    """In the analytics, and by zone; a zone in which nothing is ours isn't shown."""
    rooms.pay(rooms.book(ANN, OURS[0], event_id=OPERA))
    rooms.book(BOB, OURS[4], event_id=OPERA)

    figures = rooms.call("GET", f"/api/analytics?id={OPERA}", user=ANN).json
    seats = {name: count for name, count in figures.items() if name.endswith("_seats")}
    assert {"total_seats": 5, "sold_seats": 1, "reserved_seats": 1, "free_seats": 3} == seats
    zone = {"name": "Партер", "price": "9000.00", "total_seats": 5, "free_seats": 3}
    assert [zone] == rooms.call("GET", f"/x/events/{OPERA}").json["zones"]


def test_other_seats_are_refused_with_a_problem_of_their_own(rooms: Rooms) -> None:
    """419 with the contract's title; whose booking it is, and whether the seat is, come first."""
    anns, bobs = rooms.book(ANN, event_id=OPERA), rooms.book(BOB, event_id=OPERA)
    for booking_id, seat_id, status, problem in (
        (anns, NOT_OURS, 419, "seat-not-ours"),
        (bobs, NOT_OURS, 403, "not-owner"),
        (anns, seat(1, event_id=OPERA, row=4), 404, "seat-not-found"),
    ):
        wanted = {"booking_id": booking_id, "seat_id": seat_id}
        answer = rooms.call("PATCH", "/api/seats/select", user=ANN, json=wanted)
        assert (status, problem) == (answer.status, answer.problem)
        if problem == "seat-not-ours":
            assert "Не удалось добавить место в бронь" == answer.json["title"]
    answer = rooms.call("PATCH", "/api/seats/release", user=ANN, json={"seat_id": NOT_OURS})
    assert (419, "seat-not-held") == (answer.status, answer.problem)


def test_an_allotment_is_sold_out_and_no_further(rooms: Rooms) -> None:
    """From the first page to the last ticket: then nothing is FREE, and nothing more to be had."""
    for user, query in ((ANN, "&status=FREE&pageSize=3"), (BOB, "&status=FREE")):
        rooms.pay(rooms.book(user, *listed(rooms, query), event_id=OPERA), user)

    assert [] == listed(rooms, "&status=FREE") == listed(rooms, "&status=FREE&page=1")
    assert OURS == listed(rooms) == listed(rooms, "&status=SOLD")
    figures = rooms.call("GET", f"/api/analytics?id={OPERA}", user=ANN).json
    assert (5, 0, "45000.00") == tuple(
        figures[name] for name in ("sold_seats", "free_seats", "total_revenue")
    )
    assert [0] == [
        zone["free_seats"] for zone in rooms.call("GET", f"/x/events/{OPERA}").json["zones"]
    ]
    late = {"booking_id": rooms.book(ANN, event_id=OPERA), "seat_id": NOT_OURS}
    assert "seat-not-ours" == rooms.call("PATCH", "/api/seats/select", user=ANN, json=late).problem
    assert [] == listed(rooms, "&status=RESERVED")
