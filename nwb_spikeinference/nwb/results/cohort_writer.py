"""
Write the one file that holds the tables of a whole study: folds, scores, band effects and transfer of all participants.

It names no subject, since its rows are about many; each unit says whose it is. Spikes and predictions stay in the
participants' own files, and so its list of units is a table of the module, not the file's units table.
"""

from datetime import datetime
from pathlib import Path

import h5py
from pynwb import NWBHDF5IO, NWBFile

import nwb_spikeinference
from nwb_spikeinference.errors import InputError
from nwb_spikeinference.files import lock, replace_atomically, require_space, sha256_json, sweep_partials
from nwb_spikeinference.nwb.copies.check import require_valid
from nwb_spikeinference.nwb.names import WRITE_BACK
from nwb_spikeinference.nwb.results.result_records import CohortResults
from nwb_spikeinference.nwb.results.results_objects import cohort_objects
from nwb_spikeinference.nwb.results.results_writer import add_module, is_sealed, seal
from nwb_spikeinference.nwb.storage.guarded_file import open_guarded

_NEEDED_BYTES = 10_000_000


def write_cohort(target: Path, results: CohortResults) -> None:
    """
    Write the study's tables to a file of their own, replacing an older one.

    Raises
    ------
    LockedError, ResourceError
        If another process is writing it, or it does not fit on the disk.
    """
    with lock(target):
        sweep_partials(target.parent, target.name)
        require_space(target.parent, _NEEDED_BYTES)
        with replace_atomically(target, check=_check) as temporary:
            file = _make_file(results)
            add_module(file, cohort_objects(results))
            with open_guarded(temporary, "w") as handle, NWBHDF5IO(file=handle, mode="w") as io:
                io.write(file)
            with open_guarded(temporary, "r+") as handle:
                seal(handle)


def _make_file(results: CohortResults) -> NWBFile:
    return NWBFile(
        session_description=(
            f"Results of the study {results.study} over all its participants; its recordings and predictions are in "
            "their own files. The start time is that of the computation."
        ),
        experiment_description="Inference of spiking from local field potentials, tested by cross-validation",
        keywords=["local field potential", "single unit", "cross-validation"],
        identifier=sha256_json([results.study, results.started])[:32],
        session_start_time=datetime.fromisoformat(results.started),
        session_id="cohort",
        was_generated_by=[(WRITE_BACK, nwb_spikeinference.__version__)],
    )


def _check(temporary: Path) -> None:
    require_valid(temporary)
    with h5py.File(temporary, "r") as file:
        if not is_sealed(file):
            raise InputError(f"{temporary.parent}: the tables were not written unchanged; check the disk and run again")
