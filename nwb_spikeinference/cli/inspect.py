"""``nsi inspect``."""

from dataclasses import asdict
from pathlib import Path

import click

from nwb_spikeinference.cli.common import Output, read_study, server_option, shared_options, study_option
from nwb_spikeinference.config import ArchiveSettings
from nwb_spikeinference.errors import InputError


@click.command("inspect")
@click.argument("paths", nargs=-1, required=True)
@click.option("--glob", default="*", show_default=True, help="Which files of a dataset; * matches slashes too.")
@server_option
@study_option
@shared_options
def command(paths: tuple[str, ...], glob: str, server: str, study: Path | None, output: Output) -> int:
    """
    Say what NWB files hold: participant, electrodes, LFP, units, and whether they can be used.

    PATHS are files, globs, folders, and datasets such as DANDI:000574 or DANDI:000574/0.220126.1852, whose files are
    looked into without a download. Several files make a table with a line for each.
    """
    from nwb_spikeinference.pipeline.inspection import describe_summary, describe_table, inspect_files

    archive = ArchiveSettings(glob=glob, server=server)
    summaries = inspect_files(paths, archive=archive, study=read_study(study))
    output.show(
        describe_summary(summaries[0]) if len(summaries) == 1 else describe_table(summaries),
        [asdict(one) | {"path": str(one.path), "usable": one.usable} for one in summaries],
    )
    if not any(one.readable for one in summaries):
        return InputError.exit_code
    return 0 if all(one.usable for one in summaries) else 1
