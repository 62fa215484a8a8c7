"""The tree of refusals is what the module's docstring draws."""

import inspect

from engine import errors


def test_the_drawn_tree_is_the_real_one() -> None:
    """Each class stands in the drawing under the class that it is a kind of."""
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        name = line.lstrip("│├└─ ")
        if name.isidentifier():
            depth = (len(line) - len(name)) // 4
            above[depth:] = [name]
            drawn[name] = above[depth - 1] if depth else "Exception"

    classes = [one for _, one in inspect.getmembers(errors, inspect.isclass)]
    real = {one.__name__: one.__base__.__name__ for one in classes if one.__base__ is not None}
    apart = {
        **dict.fromkeys(
            ("UnknownPayment", "BadPlan", "StateDiverged", "UnknownFormat", "LogLost"), "Exception"
        ),
        "ImpossibleRecord": "StateDiverged",
        "LossyDump": "StateDiverged",
    }
    assert real == drawn | apart
