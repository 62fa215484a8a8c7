"""How today's figures stand to those committed in `bench/results`: ratios, never seconds."""

from pathlib import Path
from typing import Any

import orjson


def committed(path: Path) -> dict[str, Any]:
    """What an earlier run has written; nothing where there was none."""
    if not path.exists():
        return {}
    found: dict[str, Any] = orjson.loads(path.read_bytes())
    return found


def compared(now: dict[str, Any], before: dict[str, Any]) -> dict[str, float]:
    """For every `ratio` that both have, by its path: now divided by before."""
    found: dict[str, float] = {}
    for name in now.keys() & before.keys():
        mine, theirs = now[name], before[name]
        if name == "ratio":
            found[""] = round(mine / theirs, 2)
        elif isinstance(mine, dict) and isinstance(theirs, dict):
            found |= {f"{name} {path}".strip(): one for path, one in compared(mine, theirs).items()}
    return dict(sorted(found.items()))


def report(results: dict[str, Any], path: Path, *, kept: bool, entry: str = "") -> None:
    """Compare the ratios with those of `path`; write what is kept there, print all else.

    With an `entry` the results are that of the file, and its others stay.
    """
    before = committed(path)
    results["of_baseline"] = compared(results, before.get(entry, {}) if entry else before)
    written = {**before, entry: results} if kept and entry else results
    text = orjson.dumps(written, option=orjson.OPT_INDENT_2)
    if kept:
        # Whole or not at all: what was measured before is worth more than half of this.
        whole = path.with_suffix(".new")
        try:
            whole.write_bytes(text + b"\n")
            whole.replace(path)
        finally:
            whole.unlink(missing_ok=True)
    else:
        print(text.decode())
