"""``nsi report``."""

from pathlib import Path

import click

from nwb_spikeinference.cli.common import FOLDER, PATH, Output, shared_options


@click.command("report")
@click.argument("folder", type=FOLDER)
@click.option("-o", "--output-file", "target", type=PATH, help="Default: report.html in FOLDER.")
@click.option("--overwrite", is_flag=True, help="Replace another file than FOLDER's own report.html.")
@shared_options
def command(folder: Path, target: Path | None, overwrite: bool, output: Output) -> None:
    """Render the report of the study whose output is FOLDER again, from its results."""
    from nwb_spikeinference.pipeline.rendering import render_again

    written = render_again(folder, target, overwrite=overwrite)
    output.show(str(written), {"report": str(written)})
