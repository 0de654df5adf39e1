"""
Write a study's results into a copy of a session's NWB file.

The source is never opened for writing. The copy is made object by object beside the target, the results are added to
it, it is checked, and only then does it take the target's name.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import h5py
import pynwb
from hdmf.build.errors import BuildError, ConstructError

import nwb_spikeinference
from nwb_spikeinference.errors import InputError, ResourceError
from nwb_spikeinference.files import lock, replace_atomically, require_absent, require_space
from nwb_spikeinference.nwb.copy_file import copy_without, dataset_digest, is_referred_to, walk
from nwb_spikeinference.nwb.digest import CONTENT_DIGEST, module_digest
from nwb_spikeinference.nwb.extension import load_extension
from nwb_spikeinference.nwb.names import INFERENCE_MODULE, MODEL, PROGRAM
from nwb_spikeinference.nwb.open_file import decode, open_nwb
from nwb_spikeinference.nwb.results import SessionResults
from nwb_spikeinference.nwb.results_tables import build_objects
from nwb_spikeinference.nwb.signal_blocks import list_blocks

MODULE_PATH = f"/processing/{INFERENCE_MODULE}"
_GENERATED_BY = "/general/was_generated_by"
_METADATA_BYTES = 10_000_000  # tables, cached specifications


def write_results_copy(
    source: Path, target: Path, results: SessionResults, *, overwrite: bool, keep_raw: bool = False
) -> None:
    """
    Copy a session's file and add the results to the copy; results that the source holds already are replaced.

    Parameters
    ----------
    overwrite : bool
        Whether an existing target may be replaced.
    keep_raw : bool
        Whether the raw voltages of ``/acquisition`` are copied too. They are kept in any case where something else in
        the file refers to them.

    Raises
    ------
    InputError
        If the source cannot be read, has no unit that the results name, or would not be valid with them.
    ExistsError, LockedError, ResourceError
        If the target exists and may not be replaced, is being written by another process, or does not fit on the disk.
    """
    if source.resolve() == target.resolve():
        raise InputError(f"{source}: is the source itself; choose another place for the copy")
    require_absent(target, overwrite)
    with lock(target):
        with open_nwb(source) as original:
            left_out = _left_out(original, keep_raw)
            raw = [original[path] for path in left_out if path.startswith("/acquisition/")]
            saved = sum(series["data"].id.get_storage_size() for series in raw)
        needed = source.stat().st_size - saved + results.main.probabilities.nbytes + _METADATA_BYTES
        require_space(target.parent, needed)
        with replace_atomically(target, check=partial(_check_copy, source, left_out)) as temporary:
            _copy(source, temporary, left_out)
            _add_results(temporary, results, source)
            _sign(temporary)


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


def _copy(source: Path, temporary: Path, left_out: frozenset[str]) -> None:
    with open_nwb(source) as original, _as_resource_errors(temporary), h5py.File(temporary, "w") as copy:
        copy_without(original, copy, left_out)


@contextmanager
def _as_resource_errors(temporary: Path) -> Iterator[None]:
    """HDF5 says that a disk is full in one of several exceptions, some of them raised when the file is closed."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        text = " ".join(str(error).split())
        if "errno = " in text and "read failed" not in text:
            raise ResourceError(f"{temporary.parent}: writing failed ({text}); make room on the disk") from error
        raise


def _add_results(temporary: Path, results: SessionResults, source: Path) -> None:
    load_extension()  # before the file is opened: else its types are written as their parents
    with warnings.catch_warnings():
        # Libraries warn of old schemas and of other people's metadata, which are not ours to change.
        warnings.simplefilter("ignore")
        with (
            _as_input_errors(source),
            _as_resource_errors(temporary),
            pynwb.NWBHDF5IO(str(temporary), mode="a", load_namespaces=True) as io,
        ):
            file = io.read()
            module = file.create_processing_module(
                name=INFERENCE_MODULE, description="Spiking inferred from local field potentials"
            )
            for item in build_objects(file, results):
                module.add(item)
            io.write(file)


@contextmanager
def _as_input_errors(source: Path) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    except (BuildError, ConstructError, ValueError, TypeError) as error:
        reason = " ".join(str(error.args[-1] if error.args else error).split())[:200]
        raise InputError(f"{source}: pynwb cannot add to this file ({reason}); repair or convert it again") from error


def _sign(temporary: Path) -> None:
    """Say in the copy which program wrote to it, and what the results' digest is."""
    with _as_resource_errors(temporary), h5py.File(temporary, "r+") as copy:
        written = (PROGRAM, nwb_spikeinference.__version__)
        rows = [tuple(decode(text) for text in row) for row in copy[_GENERATED_BY][()]] if _GENERATED_BY in copy else []
        if written not in rows:
            with suppress(KeyError):
                del copy[_GENERATED_BY]
            copy.create_dataset(
                _GENERATED_BY,
                data=[list(row) for row in [*rows, written]],
                dtype=h5py.string_dtype(),
                chunks=True,
                compression="gzip",
                shuffle=True,
            )
        module = copy[MODULE_PATH]
        module[MODEL].attrs[CONTENT_DIGEST] = module_digest(module)


def _check_copy(source: Path, left_out: frozenset[str], temporary: Path) -> None:
    """
    Compare everything that was copied, and validate the whole.

    Raises
    ------
    InputError
        Names the first object that differs, or what the schema objects to that it did not object to before.
    """
    with open_nwb(source) as original, h5py.File(temporary, "r") as copy:
        for path in walk(original, left_out):
            if path == _GENERATED_BY or not isinstance(original[path], h5py.Dataset):
                continue
            if path not in copy or dataset_digest(original[path]) != dataset_digest(copy[path]):
                raise InputError(f"{source}: {path} was not copied unchanged; check the disk and run again")
        if copy[MODULE_PATH][MODEL].attrs[CONTENT_DIGEST] != module_digest(copy[MODULE_PATH]):
            raise InputError(f"{source}: the results were not written unchanged; check the disk and run again")
    errors = _schema_errors(temporary)
    if errors:  # the copy carries the current schema beside that of the source
        errors -= _schema_errors(source) | _schema_errors(source, use_cached_namespaces=False)
    if errors:
        raise InputError(f"{source}: with the results it would not be valid NWB: {min(errors)}")


def _schema_errors(path: Path, *, use_cached_namespaces: bool = True) -> frozenset[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old schemas; what counts are the errors
        return frozenset(
            str(error) for error in pynwb.validate(path=str(path), use_cached_namespaces=use_cached_namespaces)
        )
