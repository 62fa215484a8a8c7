"""What a conversation with an outside service can end in, for those who wait for it.

SagaError
├── NoGateway                no payment gateway is configured
├── PlacesUnknown            a partner's seats, but no provider or no preloaded places
├── GatewayUnavailable       no answer in time; the attempt goes on, the seats stay held
├── PaymentRefusedByGateway  the attempt is over; the seats stay held
├── PaymentEnded             the attempt is over, and not by the gateway
└── BadPlaces                the provider's places, or the file of them, can't be used
"""


class SagaError(Exception):
    """Any trouble with the outside that a caller must know of."""


class NoGateway(SagaError):
    """No payment gateway is configured, so nothing can be sold."""


class PlacesUnknown(SagaError):
    """A partner's event, but its provider is not configured or its places are not preloaded."""


class GatewayUnavailable(SagaError):
    """The gateway hasn't answered in time. Seats are still held; ask again later."""


class PaymentRefusedByGateway(SagaError):
    """The gateway begins no such payment. Seats are still held; another attempt is possible."""


class PaymentEnded(SagaError):
    """Before it had a page its booking was cancelled or ran out, or a seat of it was released."""


class BadPlaces(SagaError):
    """The provider's places don't fit the hall, or a file of places is damaged; says which."""
