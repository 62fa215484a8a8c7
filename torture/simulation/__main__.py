"""`python -m torture.simulation --seed 7` judges one world; with `--trace` it tells its story."""

import sys

import click

from torture.simulation.play import play
from torture.simulation.world import DOCUMENTED


@click.command(help=__doc__)
@click.option("--seed", type=int, required=True, help="The world's.")
@click.option("--profile", default=DOCUMENTED, show_default=True, help="The gateway's.")
@click.option("--trace", is_flag=True, help="Tell its story.")
def main(seed: int, profile: str, *, trace: bool) -> None:
    """Say how the world of this seed ends; exit code 1 if badly."""
    outcome = play(seed, profile=profile, listener=click.echo if trace else None)
    for fault in outcome.faults:
        click.echo(f"FAULT {fault}")
    click.echo(f"world {seed}: {len(outcome.faults)} faults")
    sys.exit(int(bool(outcome.faults)))


if __name__ == "__main__":
    main()
