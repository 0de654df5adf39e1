"""``nsi init``."""

from importlib.resources import files
from pathlib import Path

import click

from nwb_spikeinference.cli.common import PATH, Output, shared_options

_NAMES = ("study.yaml", "session.yaml")


@click.command("init")
@click.argument("folder", type=PATH)
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
@shared_options
def command(folder: Path, overwrite: bool, output: Output) -> None:
    """Write commented study.yaml and session.yaml files to FOLDER."""
    from nwb_spikeinference.files import require_absent, write_text
    from nwb_spikeinference.schemas import schema_path

    targets = [folder / name for name in _NAMES]
    for target in targets:
        require_absent(target, overwrite)
    for target in targets:
        text = (files("nwb_spikeinference.cli") / "templates" / target.name).read_text(encoding="utf-8")
        schema = schema_path(f"{target.stem}.schema.json").resolve()
        write_text(target, f"# yaml-language-server: $schema={schema.as_uri()}\n{text}")
    output.show("\n".join(map(str, targets)), {"files": [str(target) for target in targets]})
