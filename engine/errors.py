"""Why a command is refused. Nothing has changed when one of these is raised.

Rejected
├── NotFound
│   ├── EventNotFound
│   ├── BookingNotFound
│   ├── SeatNotFound
│   └── ZoneNotFound
├── NotOwner
├── Conflict
│   ├── SeatTaken
│   ├── SeatElsewhere
│   ├── SeatNotOurs
│   ├── SeatNotHeld
│   ├── NoSeatsTogether
│   ├── BookingClosed
│   ├── BookingEmpty
│   ├── AmountOutOfRange
│   ├── TooLate
│   ├── SeatNotSold
│   ├── AlreadyAdmitted
│   ├── BookingAdmitted
│   └── TooManySeats
├── KeyReused
├── TooManyKeys
└── Busy

The others are no refusals of a customer's command: `UnknownPayment` answers a saga that speaks of
a payment we never made, `BadPlan` an event whose hall cannot be; `StateDiverged` (of which
`ImpossibleRecord` and `LossyDump` are kinds) is told where two ways to one state differ,
`UnknownFormat` where the disk holds what this program can't read, and `LogLost` where a store has
no log any more.
"""


class Rejected(Exception):
    """The caller's command is refused; the state is as it was."""


class NotFound(Rejected):
    """What the command names does not exist."""


class EventNotFound(NotFound):
    """No event with this id is on sale."""


class BookingNotFound(NotFound):
    """No booking with this id."""


class SeatNotFound(NotFound):
    """No seat with this id."""


class ZoneNotFound(NotFound):
    """The hall has no zone with this name."""


class NotOwner(Rejected):
    """The booking, or the booking that holds the seat, is somebody else's."""


class Conflict(Rejected):
    """The state of the booking or the seat doesn't allow it."""


class SeatTaken(Conflict):
    """Another booking holds the seat."""


class SeatElsewhere(Conflict):
    """The seat belongs to another event than the booking."""


class SeatNotOurs(Conflict):
    """The seat lies outside the allotment: the hall has it, but we may not sell it."""


class SeatNotHeld(Conflict):
    """The seat is FREE or SOLD, so there is nothing to release."""


class NoSeatsTogether(Conflict):
    """No row has so many free seats side by side: (how many were wanted)."""


class BookingClosed(Conflict):
    """The booking's status doesn't allow the command."""


class BookingEmpty(Conflict):
    """The booking holds no seats, so there is nothing to pay for."""


class AmountOutOfRange(Conflict):
    """The gateway takes neither so little nor so much in one payment: (least, most), in minor."""


class TooLate(Conflict):
    """A paid booking can be returned only until some hours before the event."""


class SeatNotSold(Conflict):
    """The booking doesn't own the seat, or no longer: it isn't paid, or was given back."""


class AlreadyAdmitted(Conflict):
    """Somebody is inside with the ticket of this seat: (since when, in milliseconds)."""


class BookingAdmitted(Conflict):
    """Somebody is inside with a ticket of this booking, so it can't be cancelled any more."""


class TooManySeats(Conflict):
    """The user holds as many seats of this event as one user may."""


class KeyReused(Rejected):
    """The idempotency key came before with another request."""


class TooManyKeys(Rejected):
    """The user has more idempotency keys remembered than one user may."""


class Busy(Rejected):
    """The log is behind; nothing was decided and the command may be repeated."""


class UnknownPayment(Exception):
    """A saga spoke of an order id that the engine doesn't know."""


class BadPlan(Exception):
    """A hall that can't be sold: the message says why."""


class StateDiverged(Exception):
    """Two ways to one state have come to different ones: the message says which."""


class ImpossibleRecord(StateDiverged):
    """A record whose every byte is right says what can't have followed those before it."""

    def __init__(self, lsn: int, why: str) -> None:
        super().__init__(
            f"record {lsn} is whole, and can't have followed those before it ({why});"
            " restore a backup, or start the version that wrote it"
        )


class LossyDump(StateDiverged):
    """A snapshot whose every byte is right loads to another state than was dumped."""


class UnknownFormat(Exception):
    """What was written whole can't be read: leaving it out would lose what it says."""

    def __init__(self, what: str, fault: Exception) -> None:
        super().__init__(
            f"{what} is whole, and this version can't read it ({fault});"
            " if a newer version wrote it, start that one"
        )


class LogLost(Exception):
    """A store was made here and its log is gone: the message says where and what to do."""
