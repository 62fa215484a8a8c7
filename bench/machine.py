"""What a figure was measured on: without it a figure says nothing."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path


def described() -> dict[str, object]:
    """The machine, the interpreter and the day, for the head of every result."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "python": platform.python_version(),
        "kernel": platform.release(),
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


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
