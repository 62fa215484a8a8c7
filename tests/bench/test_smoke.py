"""A benchmark does all of it or a little, and nothing for what it can't read."""

from importlib import import_module

import pytest

from bench.smoke import is_smoke

BENCHMARKS = (
    "engine", "http", "nginx", "pages", "recovery", "sagas", "sale", "scale", "search", "slow",
    "soak", "storm", "watchers",
)  # fmt: skip


def test_all_of_it_is_done_where_nothing_else_is_asked() -> None:
    """Only `--smoke` makes it little."""
    assert not is_smoke("bench.engine", "What it does.", [])
    assert is_smoke("bench.engine", "What it does.", ["--smoke"])


@pytest.mark.parametrize("name", BENCHMARKS)
@pytest.mark.parametrize(("argument", "code"), [("--smokes", 2), ("--help", 0)])
def test_nothing_is_run_for_a_slip_of_the_pen(
    name: str, argument: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each says how it is called."""
    with pytest.raises(SystemExit) as ended:
        import_module(f"bench.{name}").main([argument])
    told = capsys.readouterr()
    assert (code, True) == (ended.value.code, f"python -m bench.{name}" in told.out + told.err)
