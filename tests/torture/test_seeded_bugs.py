"""The trials find the bugs they are for: each is put in on purpose, by one edit, and found."""

import inspect
import textwrap
from functools import partial
from types import FunctionType
from typing import Any, NamedTuple

import pytest

from snapshots import format as snapshot_format
from snapshots.store import SnapshotStore
from torture import faults
from torture.tally import Tally, tally
from torture.trials import TRIALS, Trial, numbers
from wal import files, recovery, watermark
from wal import format as log_format
from wal.log import Log
from wal.recovery import Recovery
from wal.segments import OpenSegment, Spare

SEED = 1
CASES_MAX = 4_000  # most are found among the first hundred
CASES_AT_ONCE = 20


SMALL_TRIALS = {trial.name: trial for trial in TRIALS} | {
    "faults": Trial(
        "faults",
        partial(faults.count, rounds=faults.ROUNDS_SMALL),
        partial(faults.case, rounds=faults.ROUNDS_SMALL),
    )
}


class Bug(NamedTuple):
    """What a careless edit would make of a function, and the trial that must notice."""

    name: str
    function: Any  # a function, whose types of arguments are of no interest here
    old: str
    new: str
    found_by: str


BUGS = [
    Bug(
        "a batch is acknowledged before its fdatasync",
        OpenSegment.write,
        "self._fs.fdatasync(self._file)",
        "pass",
        "power",
    ),
    Bug(
        "a batch is acknowledged before it is written",
        Log._write,
        "segment.write(pending.records)",
        "self.durable_lsn += len(pending.records); segment.write(pending.records)",
        "power",
    ),
    Bug(
        "the watermark runs ahead of the log",
        Log._write,
        "segment.write(pending.records)",
        "self._watermark.write(pending.first_lsn); segment.write(pending.records)",
        "power",
    ),
    Bug(
        "a failed fdatasync is tried again",
        OpenSegment.write,
        "self._fs.fdatasync(self._file)",
        "try: self._fs.fdatasync(self._file)\n    except OSError: self._fs.fdatasync(self._file)",
        "power",
    ),
    Bug(
        "the name of a new segment is not synced",
        Spare.become,
        "self._fs.sync_directory(self._directory)",
        "pass",
        "power",
    ),
    Bug(
        "a segment gets its name before it is on disk",
        Spare.become,
        "self._fs.fsync(file)",
        "pass",
        "power",
    ),
    Bug(
        "recovery builds on a last batch that only the page cache has",
        recovery._tail_batches,
        "tail.cut, tail.records, at = at, batch.records, after",
        "tail.cut, tail.records, at = after, [], after",
        "power",
    ),
    Bug(
        "a torn batch is told by its chain and not by its checksum",
        log_format.decode_batch,
        "crc32(payload) != payload_crc or ",
        "",
        "power",
    ),
    Bug(
        "the chain of a batch is not compared",
        log_format.decode_batch,
        "_digest(at.chain, fields, payload) != chain",
        "False",
        "damages",
    ),
    Bug(
        "the log is cut at the first bad batch",
        recovery.judge_tail,
        "find_batch(",
        "False and find_batch(",
        "flips",
    ),
    Bug(
        "what was acknowledged is not asked for",
        Recovery._require_complete,
        "last_lsn < lsn",
        "False",
        "cuts",
    ),
    Bug(
        "the watermark's older slot counts",
        watermark.read_watermark,
        "return max(",
        "return min(",
        "flips",
    ),
    Bug(
        "a sealed segment need not end as its successor says",
        recovery.sealed_batches,
        "!= end[1:]",
        "is None",
        "damages",
    ),
    Bug(
        "a segment's header is not checked",
        log_format.decode_segment_header,
        "!= crc32(block[:end])",
        "is None",
        "flips",
    ),
    Bug(
        "a short write is taken for a whole one",
        files.write_at,
        "while written < len(data)",
        "while False",
        "faults",
    ),
    Bug(
        "a log that failed takes more records",
        inspect.unwrap(Log._failing_for_good),
        "self._failure = failure",
        "pass",
        "faults",
    ),
    Bug(
        "the watermark gets its name before it is on disk",
        files.write_file,
        "fs.fsync(file)",
        "pass",
        "power",
    ),
    Bug("creating a log leaves a file open", Log.create, "spare.close()", "pass", "faults"),
    Bug(
        "the log is dropped through the newest snapshot",
        SnapshotStore.covered_lsn,
        "good[-1]",
        "good[0]",
        "power",
    ),
    Bug(
        "the log is dropped for a snapshot whose name is not synced",
        SnapshotStore.covered_lsn,
        "self._fs.sync_directory(self.directory)",
        "pass",
        "power",
    ),
    Bug(
        "a snapshot gets its name before it is on disk",
        SnapshotStore._write,
        "self._fs.fsync(file)",
        "pass",
        "power",
    ),
    Bug(
        "a snapshot is not checked before it is used",
        SnapshotStore._verified_lsn,
        "verify_digest(self._fs, file, path)",
        "pass",
        "flips",
    ),
    Bug(
        "the digest of a snapshot is not compared",
        snapshot_format.verify_digest,
        "!= footer",
        "is None",
        "damages",
    ),
    Bug(
        "a snapshot of another store is loaded",
        SnapshotStore._verified_lsn,
        "header.store_id != self._store_id",
        "False",
        "damages",
    ),
    Bug(
        "a bad snapshot ends the start",
        SnapshotStore._good,
        "self.set_aside(fault)",
        "raise",
        "flips",
    ),
]


def plant(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    """Edit the function in place, so that everybody who has it by name gets the bug."""
    source = textwrap.dedent(inspect.getsource(bug.function))
    assert source.count(bug.old) == 1, "the code has changed: the bug has to change too"
    edited: dict[str, FunctionType] = {}
    exec(source.replace(bug.old, bug.new), bug.function.__globals__, edited)
    code = inspect.unwrap(edited[bug.function.__name__]).__code__
    monkeypatch.setattr(bug.function, "__code__", code)


def violations(trial: Trial) -> Tally:
    """Cases of a trial, until one is violated or there were enough."""
    total, found = trial.count(SEED), Tally()
    while not found.violated and found.cases < CASES_MAX:
        places = range(found.cases, found.cases + CASES_AT_ONCE)
        found.join(tally(trial.name, numbers(places, SEED, total), partial(trial.case, SEED)))
    return found


@pytest.mark.parametrize("bug", BUGS, ids=[bug.name for bug in BUGS])
def test_a_seeded_bug_is_found(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial that is for it finds it in few cases; `test_trials` shows it finds nothing else."""
    trial = SMALL_TRIALS[bug.found_by]
    trial.count(SEED)  # makes what is damaged, without the bug
    plant(bug, monkeypatch)

    assert 0 < violations(trial).violated
