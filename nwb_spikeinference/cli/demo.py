"""``nsi demo``."""

from pathlib import Path

import click

from nwb_spikeinference.cli.common import PATH, Output, quiet_imports, shared_options


@click.command("demo")
@click.argument("folder", default="demo", type=PATH)
@click.option("--world", default="default", show_default=True, help="Simulated world, e.g. default or null.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--participants", default=6, show_default=True, type=click.IntRange(2))
@click.option("--seconds", default=60.0, show_default=True, type=click.FloatRange(10))
@shared_options
def command(folder: Path, world: str, seed: int, participants: int, seconds: float, output: Output) -> int:
    """Simulate raw recordings in FOLDER, convert them, run a study on them, and print where the report is."""
    with quiet_imports():
        from nwb_spikeinference.pipeline.demo import run_demo

    outcome = run_demo(folder, world=world, seed=seed, participants=participants, seconds=seconds)
    output.show(str(outcome.report), {"report": str(outcome.report), "results": str(outcome.output / "results.json")})
    return 1 if outcome.failed else 0
