"""`billetter sagas`: what the outside is owed, in words, from a running server or its directory."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from api.operator.ask import ask
from api.operator.obligations import shown
from api.store import StoreError
from engine import STORE_FAULTS
from engine.verify import read_unsettled

_OTHERWISE = "with the server stopped, --data reads its directory"


def ask_server(url: str) -> Mapping[str, Any]:
    """What GET /x/sagas says; raises StoreError where nobody answers or we may not ask."""
    return ask("GET", url, "/x/sagas", otherwise=_OTHERWISE)


def retry_parked(url: str) -> int:
    """Have everything that is parked tried now; returns how many payments that is."""
    retried: int = ask("POST", url, "/x/sagas/retry", otherwise=_OTHERWISE)["retried"]
    return retried


def read_directory(data: Path) -> Mapping[str, Any]:
    """The same from the directory of a stopped server; raises StoreError while one is running."""
    try:
        payments = read_unsettled(data)
    except STORE_FAULTS as fault:
        raise StoreError(f"{data}: {fault}; ask a running server with --url") from None
    return shown(payments, {"gateway": "none", "provider": "none"})


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """A few figures, then a line or two for everything parked."""
    yield f"gateway {found['gateway']}, provider {found['provider']}"
    yield f"{found['unsettled']} payments owe the outside a call"
    yield f"{found['owed_back']} tenge are to be given back"
    yield f"{found['parked_count']} payments are parked: no retry will mend them"
    for row in found["parked"]:
        standing = " ".join(filter(None, (row["payment"], row["reservation"])))
        yield (
            f"\nbooking {row['booking_id']}, order {row['order_id']}: {row['amount']} tenge,"
            f" {standing} since {row['since']}"
        )
        names = {"gateway's payment": row["payment_id"], "provider's order": row["provider_order"]}
        yield from (f"  {name} {value}" for name, value in names.items() if value)
        yield from (f"  {reason}" for reason in row["reasons"])
    if found["parked_count"]:
        yield "\nMend the cause, then: billetter sagas --retry. Until then they are tried hourly."
