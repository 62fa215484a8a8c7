"""Worlds full of trouble end with money, places and promises in order. A case is a world."""

from collections import Counter

from torture.tally import Tally, Violation

CASES = 20_000
AS_BUILT_EVERY = 10  # the gateway's other profile: it gives nothing back


def count(seed: int) -> int:
    """There is no end of worlds: so many are played."""
    return CASES


def world_seed(seed: int, number: int) -> int:
    """No two seeds of a run share a world."""
    return seed * CASES + number


def case(seed: int, number: int, found: Tally) -> str:
    """Play one world and let the judge look at how it has ended."""
    # Here, because a world has the whole shop in it, and a command that needs none starts faster.
    from torture.simulation.play import play
    from torture.simulation.world import AS_BUILT, DOCUMENTED

    profile = DOCUMENTED if number % AS_BUILT_EVERY else AS_BUILT
    outcome = play(world_seed(seed, number), profile=profile)
    if outcome.faults:
        again = f"python -m torture.simulation --seed {outcome.seed} --profile {profile} --trace"
        raise Violation(f"{outcome.faults[0]}; {len(outcome.faults)} faults, told by: {again}")
    found.outcomes += _summed(outcome.happened)
    return "worlds in order"


def _summed(happened: Counter[str]) -> Counter[str]:
    """Kinds of records, which are written as one word, in one heap; all other events by name."""
    total: Counter[str] = Counter()
    for name, number in happened.items():
        total["records" if name[:1].isupper() else name] += number
    return total
