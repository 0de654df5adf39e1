"""
``nsi inspect``.
"""

from dataclasses import asdict
from pathlib import Path

import click

from nwb_spikeinference.cli.common import Output, shared_options


@click.command("inspect")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@shared_options
def command(paths: tuple[Path, ...], output: Output) -> int:
    """Say what the NWB files PATHS hold: participant, electrodes, LFP, units, and whether they can be used."""
    from nwb_spikeinference.pipeline.inspection import describe_summary, inspect_files

    summaries = inspect_files(paths)
    output.show(
        "\n\n".join(describe_summary(one) for one in summaries),
        [asdict(one) | {"path": str(one.path)} for one in summaries],
    )
    return 0 if all(one.usable for one in summaries) else 1
