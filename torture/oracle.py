"""What a diary may show after an accident: what it should, or a refusal that says what is wrong.

Where it opens it must also go on: one more record is written, and everything is read again.
"""

from snapshots import Foreign
from torture.crash_fs import CrashFS
from torture.diary import WAL, Diary, Entries
from torture.tally import Violation
from wal import Corrupt

REFUSED = "refused"
OPENED = "opened"
SEGMENT_BYTES_MAX = 8192  # of the segments in which it goes on
_MORE = b"one more"


def judged(disk: CrashFS, expected: Entries | None, *, or_refused: bool = False) -> str:
    """Open the diary and return what came of it; raise Violation unless that may be.

    `expected` is None where it must be refused. A refusal must leave the log as it is;
    a bad snapshot may have been set aside by then.
    """
    before = disk.digest(WAL)
    try:
        diary = Diary(disk, segment_bytes_max=SEGMENT_BYTES_MAX)
    except (Corrupt, Foreign) as refusal:
        if disk.digest(WAL) != before:
            raise Violation(f"refused, but the log has changed: {refusal}") from None
        if expected is not None and not or_refused:
            raise Violation(f"refused: {refusal}") from None
        return REFUSED
    if diary.entries != expected:
        diary.close()
        raise Violation(_difference(diary.entries, expected))
    _go_on(disk, diary)
    return OPENED


def _go_on(disk: CrashFS, diary: Diary) -> None:
    diary.write([_MORE])
    diary.close()
    again = Diary(disk, segment_bytes_max=SEGMENT_BYTES_MAX)
    again.close()
    if again.entries != [*diary.entries, _MORE]:
        raise Violation("what was written after the accident is not there")


def _difference(entries: Entries, expected: Entries | None) -> str:
    if expected is None:
        return f"opened with {len(entries)} records, and should have been refused"
    if entries == expected[: len(entries)]:
        return f"silently short: {len(entries)} records, and there are {len(expected)}"
    return f"silently wrong: {len(entries)} records, not the {len(expected)} that were written"
