"""
Several sessions converted, one after the other or side by side.
"""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nwb_spikeinference.errors import SettingsError, SpikeInferenceError
from nwb_spikeinference_converters.conversion_report import ConversionReport
from nwb_spikeinference_converters.montage.session_file import output_path, read_session_file

# Seconds to import: once for all jobs, and not in their parent.
_HEAVY = "nwb_spikeinference_converters.sessions.convert_session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """One session: its report, or why it failed."""

    session_file: Path
    report: ConversionReport | None = None
    error: SpikeInferenceError | None = None


def convert_sessions(
    session_files: Sequence[Path], folder: Path, *, jobs: int = 1, overwrite: bool = False, dry_run: bool = False
) -> tuple[Conversion, ...]:
    """
    Convert every session; one that raises one of our errors does not stop the others.

    Raises
    ------
    SettingsError
        If two sessions would be written to the same file; nothing is written then.
    """
    _require_own_outputs(session_files, folder)
    work = partial(_convert, folder=folder, overwrite=overwrite, dry_run=dry_run)
    if jobs == 1 or len(session_files) == 1:
        return tuple(map(work, session_files))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_HEAVY])
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        return tuple(pool.map(work, session_files))


def _require_own_outputs(session_files: Sequence[Path], folder: Path) -> None:
    known: dict[Path, Path] = {}
    for session_file in session_files:
        try:
            target = output_path(read_session_file(session_file), folder)
        except SpikeInferenceError:
            continue  # its conversion fails likewise, and the others do not
        if target in known:
            raise SettingsError(
                f"{known[target]} and {session_file} would both be written to {target}; list each session once, and "
                f"give two sessions different names (subject_id, session_id)"
            )
        known[target] = session_file


def _convert(session_file: Path, *, folder: Path, overwrite: bool, dry_run: bool) -> Conversion:
    from nwb_spikeinference_converters.sessions.convert_session import convert_session

    try:
        report = convert_session(session_file, folder, overwrite=overwrite, dry_run=dry_run)
    except SpikeInferenceError as error:
        return Conversion(session_file=session_file, error=error)
    return Conversion(session_file=session_file, report=report)
