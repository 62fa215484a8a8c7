"""Many worlds at once, or the story of one.

`python -m tests.simulation --seeds 0:20000 --jobs 2` says as JSON what was found, and then tells
the story of the first world that ended badly. `--seed 7` judges one world, `--trace` tells it.
"""

import sys
import time
from collections import Counter

import click
import orjson
from tqdm import tqdm

from bench.machine import described
from tests.simulation.campaign import verdicts
from tests.simulation.world import DOCUMENTED, play


@click.command(help=__doc__)
@click.option("--seeds", default="0:300", show_default=True, metavar="FIRST:END")
@click.option("--jobs", default=1, show_default=True, help="Processes.")
@click.option("--seed", type=int, help="One world alone.")
@click.option("--profile", default=DOCUMENTED, show_default=True, help="The gateway's.")
@click.option("--trace", is_flag=True, help="Tell its story.")
def main(seeds: str, jobs: int, seed: int | None, profile: str, trace: bool) -> None:
    if seed is not None:
        sys.exit(one(seed, profile=profile, is_told=trace))
    first, _, end = seeds.partition(":")
    sys.exit(many(range(int(first), int(end)), profile=profile, jobs=jobs))


def one(seed: int, *, profile: str, is_told: bool) -> int:
    """Say how the world of this seed ends; 1 if badly."""
    outcome = play(seed, profile=profile, listener=click.echo if is_told else None)
    for fault in outcome.faults:
        click.echo(f"FAULT {fault}")
    click.echo(f"world {seed}: {len(outcome.faults)} faults")
    return int(bool(outcome.faults))


def many(seeds: range, *, profile: str, jobs: int) -> int:
    """Say how these worlds end; 1 if one of them ends badly."""
    began_s = time.monotonic()
    faults: dict[int, list[str]] = {}
    happened: Counter[str] = Counter()
    judged = verdicts(seeds, profile=profile, jobs=jobs)
    for verdict in tqdm(judged, total=len(seeds), unit=" worlds"):
        happened += verdict.happened
        if verdict.faults:
            faults[verdict.seed] = verdict.faults
            tqdm.write(f"world {verdict.seed}: {verdict.faults[0]}", file=sys.stderr)
    report = {
        "command": " ".join(["python -m tests.simulation", *sys.argv[1:]]),
        "machine": described(),
        "seeds": f"{seeds.start}:{seeds.stop}",
        "profile": profile,
        "jobs": jobs,
        "seconds": round(time.monotonic() - began_s),
        "worlds_with_faults": {str(seed): faults[seed] for seed in sorted(faults)},
        "happened": dict(sorted(happened.items())),
    }
    click.echo(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    return one(min(faults), profile=profile, is_told=True) if faults else 0


if __name__ == "__main__":
    main()
