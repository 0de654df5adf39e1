"""
Several sessions converted, one after the other or side by side.
"""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nwb_spikeinference.errors import SpikeInferenceError
from nwb_spikeinference_converters.session import ConversionReport, convert_session


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """One session: its report, or why it failed."""

    session_file: Path
    report: ConversionReport | None = None
    error: SpikeInferenceError | None = None


def convert_sessions(
    session_files: Sequence[Path], folder: Path, *, jobs: int = 1, overwrite: bool = False, dry_run: bool = False
) -> tuple[Conversion, ...]:
    """Convert every session; one that fails does not stop the others."""
    work = partial(_convert, folder=folder, overwrite=overwrite, dry_run=dry_run)
    if jobs == 1 or len(session_files) == 1:
        return tuple(map(work, session_files))
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        return tuple(pool.map(work, session_files))


def _convert(session_file: Path, *, folder: Path, overwrite: bool, dry_run: bool) -> Conversion:
    try:
        report = convert_session(session_file, folder, overwrite=overwrite, dry_run=dry_run)
    except SpikeInferenceError as error:
        return Conversion(session_file=session_file, error=error)
    return Conversion(session_file=session_file, report=report)
