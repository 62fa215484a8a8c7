"""Python's garbage collector stands aside while a state is made of what the disk has.

It looks for cycles again and again as objects grow in number, and a state has millions of them
and no cycle: of the recovery of a million bookings it took more than half.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_off() -> Iterator[None]:
    """The collector is off within, and afterwards as it was."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
