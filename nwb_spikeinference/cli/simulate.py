"""
``nsi simulate``.
"""

from pathlib import Path

import click

from nwb_spikeinference.cli.common import Output, shared_options


@click.command("simulate")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--world", default="default", show_default=True, help="What holds in it, e.g. default or null.")
@click.option("--participants", default=6, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=60.0, show_default=True, type=click.FloatRange(5))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--bundles", default=2, show_default=True, type=click.IntRange(1, 4), help="Per participant.")
@click.option(
    "--format", "file_format", type=click.Choice(["blackrock", "nwb"]), default="blackrock", show_default=True
)
@click.option("--overwrite", is_flag=True, help="Replace files of an earlier simulation.")
@click.option("--dry-run", is_flag=True, help="Check the settings, write nothing.")
@shared_options
def command(
    folder: Path,
    world: str,
    participants: int,
    seconds: float,
    seed: int,
    bundles: int,
    file_format: str,
    overwrite: bool,
    dry_run: bool,
    output: Output,
) -> None:
    """Write a simulated study with known truth to FOLDER, as a recorder and a sorter would leave it, or as NWB."""
    from nwb_spikeinference.pipeline.simulation import simulate_study
    from nwb_spikeinference.simulate.study import SimulationSettings

    settings = SimulationSettings(world=world, participants=participants, seconds=seconds, seed=seed, bundles=bundles)
    written = () if dry_run else simulate_study(folder, settings, file_format=file_format, overwrite=overwrite)
    paths = [str(path) for path in written]
    output.show("\n".join(paths), {"files": paths})
