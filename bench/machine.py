"""What a figure was measured on, and how much memory a process has."""

import os
from pathlib import Path

from torture.machine import described

__all__ = ["described", "resident_bytes", "resident_parts"]


def resident_bytes(process_id: int) -> int:
    """Memory of a process that is in RAM now."""
    pages = int(Path(f"/proc/{process_id}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def resident_parts(process_id: int) -> dict[str, int]:
    """The same by kind: `own` can't be taken back, `mapped` is page cache and can."""
    status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    held = dict(line.split(":", 1) for line in status.splitlines())
    names = {"own": "RssAnon", "mapped": "RssFile"}
    return {part: int(held[name].split()[0]) * 1024 for part, name in names.items()}
