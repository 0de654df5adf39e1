"""``nsi simulate``."""

from pathlib import Path
from typing import Any

import click

from nwb_spikeinference.cli.common import PATH, Output, shared_options


@click.command("simulate")
@click.argument("folder", type=PATH)
@click.option("--world", default="default", show_default=True, help="What holds in it, e.g. default or null.")
@click.option("--participants", default=6, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=60.0, show_default=True, type=click.FloatRange(5))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--bundles", default=2, show_default=True, type=click.IntRange(1, 4), help="Per participant.")
@click.option(
    "--format", "file_format", type=click.Choice(["blackrock", "nwb"]), default="blackrock", show_default=True
)
@click.option("--ap-uv", type=click.FloatRange(0), help="Action potentials; 0 leaves them out.  [default: the world's]")
@click.option("--electrode-drift", default=0.0, type=click.FloatRange(0), help="Share by which they grow or shrink.")
@click.option("--amplitude-jitter", default=0.0, type=click.FloatRange(0, 1), help="How much they vary; SD of the log.")
@click.option("--missed-spikes", default=0.0, type=click.FloatRange(0, 1), help="Share that the sorter misses.")
@click.option("--overwrite", is_flag=True, help="Replace files of an earlier simulation.")
@click.option("--dry-run", is_flag=True, help="Check the settings, write nothing.")
@shared_options
def command(folder: Path, file_format: str, overwrite: bool, dry_run: bool, output: Output, **choices: Any) -> None:
    """Write a simulated study with known truth to FOLDER, as a recorder and a sorter would leave it, or as NWB."""
    from nwb_spikeinference.pipeline.simulation import simulate_study
    from nwb_spikeinference.simulate.simulated_study import SimulationSettings

    settings = SimulationSettings(**choices)
    written = () if dry_run else simulate_study(folder, settings, file_format=file_format, overwrite=overwrite)
    paths = [str(path) for path in written]
    output.show("\n".join(paths), {"files": paths})
