"""`billetter …` in the process of a test, and how it refuses."""

from collections.abc import Callable

from click.testing import Result

Run = Callable[..., Result]


def refused(result: Result, message: str, *, code: int = 1) -> None:
    """One sentence on stderr, and nothing else; exit code 2 for what no other try will mend."""
    assert (code, "", f"Error: {message}\n") == (result.exit_code, result.stdout, result.stderr)
    assert isinstance(result.exception, SystemExit)
