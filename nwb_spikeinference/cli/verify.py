"""``nsi verify``."""

from pathlib import Path

import click

from nwb_spikeinference.cli.common import Output, quiet_imports, shared_options
from nwb_spikeinference.errors import InputError, SettingsError

_OF_A_STUDY = ("results.json", "tasks", "nwb", "model")  # any of them makes a folder worth checking


@click.command("verify")
@click.argument("paths", nargs=-1, required=True)
@shared_options
def command(paths: tuple[str, ...], output: Output) -> int:
    """
    Check NWB files and output folders of studies, PATHS.

    Reads every chunk, and checks digests, schema and the inspector's rules. Of an output folder also results.json, the
    splits, the tasks, and that the NWB files say the same numbers as results.json; NWB files that are given beside a
    folder are compared with its results too. Another folder stands for the NWB files in it.
    """
    if "" in paths:
        raise SettingsError("'' is no path; name NWB files and output folders of studies")
    with quiet_imports():
        from nwb_spikeinference.pipeline.sessions.session_files import list_files
        from nwb_spikeinference.pipeline.verification import verify_paths

    given = [file for path in map(Path, paths) for file in ([path] if _is_there(path) else list_files([path]))]
    findings = {
        path: [finding.removeprefix(f"{path}: ") for finding in found] for path, found in verify_paths(given).items()
    }
    lines = [f"{path}: {'; '.join(found) if found else 'sound'}" for path, found in findings.items()]
    output.show("\n".join(lines), findings)
    if not any(_is_there(path) for path in given):
        return InputError.exit_code
    return 1 if any(findings.values()) else 0


def _is_there(path: Path) -> bool:
    return any((path / name).exists() for name in _OF_A_STUDY) if path.is_dir() else path.exists()
