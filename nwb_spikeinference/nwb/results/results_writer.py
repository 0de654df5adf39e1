"""
Write a study's results into a session's NWB file, or into a copy of it.

No file is ever opened for writing but a new one beside the target: everything is copied into it object by object, the
results are added, it is checked, and only then does it take the target's name.
"""

import os
import shutil
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import pynwb
from hdmf.build.errors import BuildError, ConstructError

import nwb_spikeinference
from nwb_spikeinference.errors import ExistsError, InputError, ResourceError
from nwb_spikeinference.files import (
    lock,
    replace_atomically,
    require_absent,
    require_space,
    sha256_file,
    sweep_partials,
)
from nwb_spikeinference.nwb.copies.check import schema_errors
from nwb_spikeinference.nwb.copies.copy_file import copy_without, is_referred_to, require_copied
from nwb_spikeinference.nwb.copies.digest import CONTENT_DIGEST, RECORDING_DIGEST, digest_of_recording, module_digest
from nwb_spikeinference.nwb.extension import load_extension
from nwb_spikeinference.nwb.names import GENERATED_BY, INFERENCE_MODULE, MODULE_PATH, STUDY, WRITE_BACK
from nwb_spikeinference.nwb.reading.signal_blocks import list_blocks
from nwb_spikeinference.nwb.results.result_records import SessionResults
from nwb_spikeinference.nwb.results.results_objects import session_objects
from nwb_spikeinference.nwb.storage.chunks import PACKING
from nwb_spikeinference.nwb.storage.guarded_file import open_guarded
from nwb_spikeinference.nwb.storage.open_file import decode, open_nwb

_MODULE_DESCRIPTION = "Spiking inferred from local field potentials"
_METADATA_BYTES = 10_000_000  # tables, cached specifications

MakeObjects = Callable[[pynwb.NWBFile], list[Any]]


class _AlreadyThereError(Exception):
    """The file holds the same results already."""


def write_results_copy(
    source: Path, target: Path, results: SessionResults, *, overwrite: bool, keep_raw: bool = False
) -> None:
    """
    Copy a session's file and add the results to the copy; results that the source holds already are replaced.

    The copy has the mode and the times of the source.

    Parameters
    ----------
    overwrite : bool
        Whether an existing target may be replaced if it holds results; another file never is.
    keep_raw : bool
        Whether the raw voltages of ``/acquisition`` are copied too. They are kept in any case where something else in
        the file refers to them.

    Raises
    ------
    InputError
        If the source cannot be read, is not the file that the study read, has no unit that the results name, or would
        not be valid with them.
    ExistsError, LockedError, ResourceError
        If the target exists and may not be replaced, is being written by another process, or does not fit on the disk.
    """
    require_writable(source, target, overwrite=overwrite)
    _write(source, target, results, keep_raw=keep_raw)


def require_writable(source: Path, target: Path, *, overwrite: bool) -> None:
    """
    Refuse a target before anything is computed for it.

    Raises
    ------
    InputError
        If it is the source.
    ExistsError
        If it exists and may not be replaced, or holds no results: anything else is somebody's only copy.
    """
    if source.resolve() == target.resolve():
        raise InputError(f"{source}: is the source itself; choose another place for the copy")
    require_absent(target, overwrite)
    if not target.exists():
        return
    try:
        with open_nwb(target) as file:
            holds_results = MODULE_PATH in file
    except InputError:
        holds_results = False
    if not holds_results:
        raise ExistsError(f"{target}: exists already and holds no results of a study; move it to another place")


def write_results_in_place(path: Path, results: SessionResults) -> bool:
    """
    Replace a session's file by one that holds the results too, with the same mode and times; a link stays a link.

    Results that the file holds already are replaced; everything else is kept, and proven to be the same.

    Returns
    -------
    bool
        False if the file held the same results already and was left as it was.

    Raises
    ------
    InputError
        If the file cannot be read, is not the one that the study read, has no unit that the results name, or would not
        be valid with them.
    LockedError, ResourceError
        If another process is writing here, the file is read-only, or there is no room for both files.
    """
    target = path.resolve()
    if target.exists() and not (target.stat().st_mode & 0o222 and os.access(target, os.W_OK)):
        raise ResourceError(f"{path}: is read-only; make it writable, or write copies (write_back.mode: copy)")
    try:
        _write(target, target, results, keep_raw=True)
    except _AlreadyThereError:
        return False
    return True


def _write(source: Path, target: Path, results: SessionResults, *, keep_raw: bool) -> None:
    write_module(
        source,
        target,
        lambda file: session_objects(file, results),
        source_sha256=results.source_sha256,
        added_bytes=sum(one.probabilities.nbytes for one in results.series),
        keep_raw=keep_raw,
    )


def write_module(
    source: Path, target: Path, make_objects: MakeObjects, *, source_sha256: str, added_bytes: int, keep_raw: bool
) -> None:
    """
    Write what a file holds, and the processing module of the results, to a target, which is replaced.

    Parameters
    ----------
    make_objects : callable
        Is given the file as pynwb reads it; everything that the module will hold, a ``StudyRecord`` among it.
    source_sha256 : str
        Digest that the source must have.
    added_bytes : int
        About what the objects take.

    Raises
    ------
    InputError, LockedError, ResourceError
        See `write_results_copy`.
    """
    with lock(target):
        sweep_partials(target.parent, target.name)
        with open_nwb(source) as original:
            left_out = _left_out(original, keep_raw)
            raw = [original[path] for path in left_out if path.startswith("/acquisition/")]
            saved = sum(series["data"].id.get_storage_size() for series in raw)
        before = source.stat()
        if sha256_file(source) != source_sha256:
            raise InputError(f"{source}: was changed after it had been read; run the study again")
        require_space(target.parent, before.st_size - saved + added_bytes + _METADATA_BYTES)
        with replace_atomically(target, check=partial(_finish, source, target, left_out, before)) as temporary:
            with open_nwb(source) as original, open_guarded(temporary, "w") as copy:
                copy_without(original, copy, left_out)
            _add_results(temporary, make_objects, source)
            _sign(temporary)


def _finish(source: Path, target: Path, left_out: frozenset[str], before: os.stat_result, temporary: Path) -> None:
    """Check the new file, and give it the mode and times of the source."""
    _check_copy(source, left_out, temporary)
    if source == target and _results_digest(source) == _results_digest(temporary):
        raise _AlreadyThereError
    now = source.stat()
    if (now.st_ino, now.st_size, now.st_mtime_ns) != (before.st_ino, before.st_size, before.st_mtime_ns):
        raise InputError(f"{source}: was changed while the results were written; run the study again")
    with suppress(PermissionError):  # only the superuser gives files away
        os.chown(temporary, now.st_uid, now.st_gid)
    shutil.copystat(source, temporary)


def _left_out(original: h5py.File, keep_raw: bool) -> frozenset[str]:
    left_out = {MODULE_PATH, *_replaced_schemas(original)}
    if not keep_raw:
        blocks, _ = list_blocks(original)
        raw = {block.path for block in blocks if block.kind == "raw" and block.path.startswith("/acquisition/")}
        left_out |= {path for path in raw if not is_referred_to(original, path)}
    return frozenset(path for path in left_out if path in original)


def _replaced_schemas(original: h5py.File) -> set[str]:
    """
    Cached schemas of which pynwb writes its own version.

    With two versions of one schema in a file, hdmf takes the one that sorts last as text (1.5.0 after 1.10.0), and
    then fails to load the others.
    """
    load_extension()
    if ".specloc" not in original.attrs:
        return set()
    cached = original[original.attrs[".specloc"]].name
    return {f"{cached}/{namespace}" for namespace in pynwb.available_namespaces()}


def _add_results(temporary: Path, make_objects: MakeObjects, source: Path) -> None:
    load_extension()  # before the file is opened: else its types are written as their parents
    with warnings.catch_warnings(), open_guarded(temporary, "r+") as handle:
        # Libraries warn of old schemas and of other people's metadata, which are not ours to change.
        warnings.simplefilter("ignore")
        try:
            with pynwb.NWBHDF5IO(file=handle, mode="a", load_namespaces=True) as io:
                file = io.read()
                add_module(file, make_objects(file))
                io.write(file)
        except InputError as error:
            raise InputError(f"{source}: {error}") from error
        except (BuildError, ConstructError, ValueError, TypeError) as error:
            reason = " ".join(str(error.args[-1] if error.args else error).split())[:200]
            raise InputError(
                f"{source}: pynwb cannot add to this file ({reason}); repair or convert it again"
            ) from error


def add_module(file: pynwb.NWBFile, objects: list[Any]) -> None:
    """Add the processing module of the results."""
    file.create_processing_module(name=INFERENCE_MODULE, description=_MODULE_DESCRIPTION, data_interfaces=objects)


def _sign(temporary: Path) -> None:
    """Say in the file which program wrote results into it, and what their digest is: the last thing that is written."""
    with open_guarded(temporary, "r+") as copy:
        written = [WRITE_BACK, nwb_spikeinference.__version__]
        rows = [[decode(text) for text in row] for row in copy[GENERATED_BY][()]] if GENERATED_BY in copy else []
        if written not in rows:
            copy.pop(GENERATED_BY, None)
            copy.create_dataset(GENERATED_BY, data=[*rows, written], dtype=h5py.string_dtype(), chunks=True, **PACKING)
        seal(copy)


def seal(file: h5py.File) -> None:
    """Write the digests of the recording and of the results, which completes them."""
    module = file[MODULE_PATH]
    module[STUDY].attrs[RECORDING_DIGEST] = digest_of_recording(file)
    module[STUDY].attrs[CONTENT_DIGEST] = module_digest(module)


def is_sealed(file: h5py.File) -> bool:
    """Whether the results of a file are complete and those that were written."""
    module = file[MODULE_PATH]
    return STUDY in module and decode(module[STUDY].attrs.get(CONTENT_DIGEST, "")) == module_digest(module)


def _results_digest(path: Path) -> str | None:
    with open_nwb(path) as file:
        return module_digest(file[MODULE_PATH]) if MODULE_PATH in file else None


def _check_copy(source: Path, left_out: frozenset[str], temporary: Path) -> None:
    """Compare everything that was copied, and refuse what the schema objects to and did not object to before."""
    with open_nwb(source) as original, h5py.File(temporary, "r") as copy:
        require_copied(original, copy, {*left_out, GENERATED_BY})
        if not is_sealed(copy):
            raise InputError(f"{source}: the results were not written unchanged; check the disk and run again")
    errors = schema_errors(temporary)
    if errors:  # the copy carries the current schema beside that of the source
        errors -= schema_errors(source) | schema_errors(source, use_cached_namespaces=False)
    if errors:
        raise InputError(f"{source}: with the results it would not be valid NWB: {min(errors)}")
