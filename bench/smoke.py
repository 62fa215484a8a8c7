"""How much a benchmark does: all of it, or with `--smoke` a little of everything."""

import argparse


def is_smoke(module: str, told: str | None, arguments: list[str]) -> bool:
    """What the command line of `python -m MODULE` asks for, `told` being what its `--help` says.

    Raises SystemExit for `--help`, and for an argument that there isn't: a slip of the pen would
    else be answered by a quarter of an hour of work.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=told,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--smoke", action="store_true", help="a little of it, only printed")
    chosen = parser.parse_args(arguments)
    return bool(chosen.smoke)
