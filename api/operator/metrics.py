"""GET /metrics: figures in Prometheus' text format, read when somebody asks and never before.

A call pays for one figure, the count of its answers: everything else is a plain number that
somebody keeps anyway, or is added up here. What takes long is added up in slices, and what asks the
system is asked in another thread, so that a scrape holds the loop up for some two milliseconds.
"""

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple, TypeVar

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from api.endpoint import Call
from api.operator.access import require_operator
from api.reply import Reply, reply
from api.request_log import RequestLog
from api.service import Service
from api.system import VERSION
from engine import (
    DiskFigures,
    Histogram,
    LogFigures,
    Obligations,
    PaymentStatus,
    ReservationStatus,
    Totals,
    disk_figures,
)
from sagas import Sagas

PROMETHEUS_TEXT = b"text/plain; version=0.0.4; charset=utf-8"
TIYN = 100

_Step = TypeVar("_Step")


class Found(NamedTuple):
    """What has been added up for one scrape. `disk` is None where nothing is kept on one."""

    totals: Totals
    obligations: Obligations
    disk: DiskFigures | None
    free_bytes: int


async def metrics(call: Call[None]) -> Reply:
    """Everything that an operator might want a curve of."""
    if not call.service.metrics_open:
        require_operator(call)
    found = await look(call.service)
    process = await asyncio.to_thread(generate_latest, _process)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(call.service, found))
    return reply(200, PROMETHEUS_TEXT, generate_latest(registry) + process)


async def look(service: Service) -> Found:
    """Add up what nobody keeps, a slice of it in a round of the loop."""
    totals = await _last(service.engine.totals())
    obligations = await _last(service.engine.obligations())
    disk, free_bytes = None, 0
    if (directory := service.directory) is not None:
        disk = await asyncio.to_thread(disk_figures, directory)
        free_bytes = (await asyncio.to_thread(shutil.disk_usage, directory)).free
    return Found(totals, obligations, disk, free_bytes)


async def _last(steps: Iterator[_Step]) -> _Step:
    latest = next(steps)
    while (step := next(steps, None)) is not None:
        latest = step
        await asyncio.sleep(0)
    return latest


# CPU, memory, files and the collector, under the names that every dashboard knows. Ten thousand
# connections are ten thousand open files to be listed: not on the loop.
_process = CollectorRegistry(auto_describe=False)
ProcessCollector(registry=_process)
GCCollector(registry=_process)


class _Figures(Collector):
    """Our own figures, for one scrape."""

    def __init__(self, service: Service, found: Found) -> None:
        self._service = service
        self._found = found

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("billetter", "Which program.", {"version": VERSION})
        yield from _loop(self._service)
        yield from _log(self._service.engine.log_figures())
        if self._found.disk is not None:
            yield from _disk(self._found.disk, self._found.free_bytes)
        yield from _sales(self._found.totals)
        yield from _owed(self._service, self._found.obligations)
        yield from _calls(self._service)
        yield from _fairness(self._service)


def _loop(service: Service) -> Iterator[Metric]:
    stalls = service.stalls
    longest = stalls.take()
    yield _gauge("loop_stall_seconds_max", "The loop's longest stall since the last look.", longest)
    yield _histogram("loop_stall_seconds", "How late the loop was when it looked.", stalls.seconds)


def _log(log: LogFigures) -> Iterator[Metric]:
    yield _gauge("appended_lsn", "The last record of the log.", log.appended_lsn)
    yield _gauge("durable_lsn", "The last record of the log that is on disk.", log.durable_lsn)
    waiting = log.appended_lsn - log.durable_lsn
    yield _gauge("log_waiting_records", "Records that are not on disk yet.", waiting)
    yield _gauge("log_waiting_bytes", "Bytes the writer hasn't taken yet.", log.waiting_bytes)
    yield _gauge("log_has_room", "1 while new sales are taken, 0 while not.", int(log.has_room))
    if (batches := log.batches) is not None:
        yield _histogram("log_write_seconds", "One batch: write and fdatasync.", batches.seconds)
        yield _histogram("log_batch_records", "Records in one batch.", batches.batch_records)
        yield _histogram("log_batch_bytes", "Bytes in one batch.", batches.batch_bytes)


def _disk(disk: DiskFigures, free_bytes: int) -> Iterator[Metric]:
    yield _gauge("log_bytes", "What the log takes on disk.", disk.log_bytes)
    yield _gauge("log_segments", "Files of the log.", disk.segments)
    yield _gauge("snapshots", "Snapshots there are.", disk.snapshots)
    yield _gauge("snapshot_bytes", "What the snapshots take on disk.", disk.snapshot_bytes)
    yield _gauge("snapshot_lsn", "The last record in the newest snapshot.", disk.snapshot_lsn)
    made = "When the newest snapshot was made, since 1970; 0: there is none."
    yield _gauge("snapshot_timestamp_seconds", made, disk.snapshot_at)
    yield _gauge("disk_free_bytes", "What is free on the data directory's disk.", free_bytes)


def _sales(totals: Totals) -> Iterator[Metric]:
    yield _gauge("events_booked", "Events that somebody has ever booked.", totals.events)
    yield _gauge("bookings", "Bookings that are not cancelled.", totals.bookings)
    yield _gauge("seats_reserved", "Seats that are held and not paid.", totals.reserved_seats)
    yield _gauge("seats_sold", "Seats that are paid.", totals.sold_seats)
    revenue = totals.revenue_minor / TIYN
    yield _gauge("revenue_tenge", "What the sold seats have cost.", revenue)


def _owed(service: Service, obligations: Obligations) -> Iterator[Metric]:
    unsettled = "Payments that owe the outside a call."
    yield _gauge("payments_unsettled", unsettled, sum(obligations.payments.values()))
    payments = [(one.value, obligations.payments.get(one, 0)) for one in PaymentStatus]
    yield _by("payments_unsettled_by_status", "The same, by status.", "status", payments)
    places = [(one.value, obligations.reservations.get(one, 0)) for one in ReservationStatus]
    yield _by("reservations_unsettled_by_status", "Their orders for places.", "status", places)
    parked = "Payments that no retry will mend: billetter sagas."
    yield _gauge("payments_parked", parked, obligations.parked)
    due = obligations.owed_back_minor / TIYN
    yield _gauge("owed_back_tenge", "Money that is to be given back.", due)
    yield from _services(service.sagas)


def _services(sagas: Sagas) -> Iterator[Metric]:
    answers = sagas.answering()
    up = [(name, int(word == "up")) for name, word in answers.items() if word != "none"]
    yield _by("service_up", "1 while the outside service answers.", "service", up)
    name, text = "billetter_service_calls", "Calls to outside services, and how they ended."
    counts = CounterMetricFamily(name, text, labels=("service", "call", "outcome"))
    name, text = "billetter_service_call_seconds", "How long an outside service took to answer."
    seconds = HistogramMetricFamily(name, text, labels=("service",))
    for service, calls in sagas.calls().items():
        for (call, outcome), count in calls.counts.items():
            counts.add_metric((service, call, outcome), count)
        seconds.add_metric((service,), _buckets(calls.seconds), calls.seconds.total)
    yield counts
    yield seconds


def _calls(service: Service) -> Iterator[Metric]:
    answers = CounterMetricFamily(
        "billetter_answers", "Answers to calls, by their status.", labels=("call", "status")
    )
    for call, by_status in service.answered.items():
        for status, count in by_status.items():
            answers.add_metric((call, str(status)), count)
    yield answers
    admission = service.admission
    admitted = "Calls about some event whose turn has come."
    yield CounterMetricFamily("billetter_calls_admitted", admitted, admission.admitted)
    waiting = "Calls that wait behind others of the same event."
    yield _gauge("calls_waiting", waiting, admission.waiting)
    shed = CounterMetricFamily(
        "billetter_calls_shed",
        "Calls answered 503, because others of their event wait.",
        labels=["reason"],
    )
    shed.add_metric(["queue_full"], admission.shed_full)
    shed.add_metric(["waited_too_long"], admission.shed_late)
    yield shed
    for name, (text, one) in service.sizes.items():
        yield _gauge(name, text, len(one))
    taken = "Connections that are taken at once; each is an open file."
    yield _gauge("connections_max", taken, service.connections_max)
    yield from _requests(service.request_log)


def _fairness(service: Service) -> Iterator[Metric]:
    refused = CounterMetricFamily(
        "billetter_calls_refused",
        "Calls answered 429, or 503 to whoever has to wait outside.",
        labels=["by"],
    )
    limits = service.call_limits
    by_limit = {} if limits is None else limits.refused
    for by, count in (by_limit | service.entrance.refused).items():
        refused.add_metric([by], count)
    yield refused
    rooms = service.waiting_rooms.rooms.values()
    now_ms = service.clock_ms()
    waiting = sum(room.waiting(now_ms) for room in rooms)
    yield _gauge("waiting_rooms", "Waiting rooms that are open.", len(rooms))
    yield _gauge("waiting_rooms_people", "People who wait in them.", waiting)


def _requests(log: RequestLog | None) -> Iterator[Metric]:
    written, dropped, waiting = (0, 0, 0) if log is None else (log.written, log.dropped, len(log))
    told = "Lines of the request log."
    yield CounterMetricFamily("billetter_requests_logged", told, written)
    lost = "Requests that the log had no room for, or the disk refused."
    yield CounterMetricFamily("billetter_requests_unlogged", lost, dropped)
    yield _gauge("requests_waiting", "Requests that are to be told in the log.", waiting)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"billetter_{name}", text, value)


def _by(name: str, text: str, label: str, values: Sequence[tuple[str, float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"billetter_{name}", text, labels=[label])
    for one, value in values:
        family.add_metric([one], value)
    return family


def _histogram(name: str, text: str, found: Histogram) -> HistogramMetricFamily:
    return HistogramMetricFamily(f"billetter_{name}", text, _buckets(found), found.total)


def _buckets(found: Histogram) -> list[tuple[str, float]]:
    bounds = (*map(str, map(float, found.bounds)), "+Inf")
    return list(zip(bounds, accumulate(found.counts), strict=True))
