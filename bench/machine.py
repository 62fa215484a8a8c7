"""What a figure was measured on, and what a process has of memory and has used of the cores."""

import os
from pathlib import Path

from torture.machine import described

__all__ = [
    "busy_seconds",
    "cpu_seconds",
    "described",
    "resident_bytes",
    "resident_parts",
    "resident_peak_bytes",
]


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


def resident_peak_bytes(process_id: int) -> int:
    """The most that was ever in RAM of a process."""
    status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def cpu_seconds(process_id: int) -> float:
    """What all threads of a process have used of the cores so far."""
    stat = Path(f"/proc/{process_id}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def busy_seconds() -> float:
    """What everybody has used of all cores since the boot, or other machines took from them."""
    with Path("/proc/stat").open(encoding="ascii") as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
