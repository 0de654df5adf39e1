"""
``nsi verify``.
"""

from pathlib import Path

import click

from nwb_spikeinference.cli.common import Output, quiet_imports, shared_options


@click.command("verify")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@shared_options
def command(paths: tuple[Path, ...], output: Output) -> int:
    """
    Check NWB files and output folders of studies, PATHS.

    Reads every chunk, and checks digests, schema and the inspector's rules. Of an output folder also results.json, the
    splits, the tasks, and that the NWB files say the same numbers as results.json; NWB files that are given beside a
    folder are compared with its results too.
    """
    with quiet_imports():
        from nwb_spikeinference.pipeline.verification import verify_paths

    findings = verify_paths(paths)
    lines = [f"{path}: {'; '.join(found) if found else 'sound'}" for path, found in findings.items()]
    output.show("\n".join(lines), findings)
    return 1 if any(findings.values()) else 0
