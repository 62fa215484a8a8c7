"""`billetter status`: how a running server stands, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from api.operator.ask import ask

_OTHERWISE = "start it: billetter serve"


def ask_server(url: str) -> Mapping[str, Any]:
    """What GET /x/status says; raises StoreError where nobody answers or we may not ask."""
    return ask("GET", url, "/x/status", otherwise=_OTHERWISE)


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong comes last, where it is seen."""
    lsn, log, calls = found["lsn"], found["log"], found["calls"]
    made = f"made {found['snapshot_at']}" if found["snapshot_at"] else "none yet"
    sizes = ", ".join(f"{name} {size:,}" for name, size in found["sizes"].items())
    rows = {
        "version": f"{found['version']}, up since {found['up_since']}",
        "sale": f"{found['events_on_sale']:,} events, {found['events_booked']:,} of them booked",
        "seats": f"{found['seats_sold']:,} sold, {found['seats_reserved']:,} held",
        "bookings": f"{found['bookings']:,}, {found['revenue']} tenge",
        "outside": f"gateway {found['gateway']}, provider {found['provider']}",
        "owed": f"{found['unsettled']:,} payments unsettled, {found['parked_count']:,} parked,"
        f" {found['owed_back']} tenge to give back",
        "records": f"{lsn['durable']:,} on disk, {log['waiting_records']:,} waiting",
        "snapshot": f"record {lsn['snapshot']:,}, {made}",
        "log": f"{log['bytes'] / 2**20:,.1f} MiB in {log['segments']:,} files",
        "disk": f"{found['disk_free_bytes'] / 2**30:,.1f} GiB free",
        "loop": f"longest stall {found['stall_seconds'] * 1_000:.1f} ms",
        "calls": f"{calls['admitted']:,} admitted, {calls['waiting']:,} waiting,"
        f" {calls['shed']:,} sent away",
        "sizes": sizes,
    }
    yield from (f"{name:10} {text}" for name, text in rows.items())
    yield from (f"           {name}={value}" for name, value in found["settings"].items() if value)
    for concern in found["concerns"]:
        yield f"\n{concern['what'][:1].upper()}{concern['what'][1:]}.\n  Next: {concern['next']}."
