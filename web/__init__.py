"""Pages for people: HTML, CSS and JavaScript as a browser runs them. No code of ours in Python.

Another language in another runtime, and so a room of its own. It knows the service by HTTP alone,
as every client does; whoever serves it asks for its `files`.
"""

from pathlib import Path

ROOT = Path(__file__).parent
KINDS = frozenset({".css", ".html", ".js", ".svg"})


def files() -> list[Path]:
    """Every file that a browser may ask for, in one order on every machine."""
    return sorted(path for path in ROOT.rglob("*") if path.suffix in KINDS)
