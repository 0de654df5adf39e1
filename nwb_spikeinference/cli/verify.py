"""
``nsi verify``.
"""

from pathlib import Path

import click

from nwb_spikeinference.cli.common import Output, shared_options


@click.command("verify")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@shared_options
def command(paths: tuple[Path, ...], output: Output) -> int:
    """Read every chunk of the NWB files PATHS, and check schema, hashes and inspector."""
    from nwb_spikeinference.nwb.verify import verify_file

    findings = {str(path): verify_file(path) for path in paths}
    lines = [f"{path}: {'; '.join(found) if found else 'sound'}" for path, found in findings.items()]
    output.show("\n".join(lines), findings)
    return 1 if any(findings.values()) else 0
