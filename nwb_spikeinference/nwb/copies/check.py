"""
Validity of NWB files, and whether they follow the archive's practice.

The rules are NWB Inspector's, as the DANDI archive configures them.
"""

import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import h5py
import pynwb
from hdmf.build import BuildManager, ConstructError
from hdmf.validate import ValidatorMap
from nwbinspector import Importance, InspectorMessage, inspect_nwbfile, inspect_nwbfile_object, load_config

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.extension import NAMESPACE, load_extension
from nwb_spikeinference.nwb.names import INFERENCE_MODULE, STUDY
from nwb_spikeinference.nwb.storage.open_file import H5_ERRORS, decode

Severity = Literal["error", "critical", "violation", "suggestion"]

_SEVERITY: dict[Importance, Severity] = {
    Importance.ERROR: "error",
    Importance.PYNWB_VALIDATION: "error",
    Importance.CRITICAL: "critical",
    Importance.BEST_PRACTICE_VIOLATION: "violation",
    Importance.BEST_PRACTICE_SUGGESTION: "suggestion",
}
_CORE_NAMESPACES = ("core", "hdmf-common", "hdmf-experimental")
_OF_A_SUBJECT = ("check_subject_exists",)
REFUSED: frozenset[Severity] = frozenset({"error", "critical"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that the inspector says of a file."""

    severity: Severity
    rule: str  # the check's name, or pynwb_validation
    message: str
    location: str  # object inside the file

    def __str__(self) -> str:
        return f"{self.severity}: {self.location or '/'}: {self.message}"


def inspect_file(path: Path) -> tuple[Finding, ...]:
    """
    Everything that the schema validator and NWB Inspector (config dandi) find, worst first.

    A file of all participants of a study has no subject that could be named, and is not asked for one.

    Raises
    ------
    InputError
        If the file cannot be opened as NWB.
    """
    findings = []
    is_of_all = holds_all_participants(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries about other people's files; the findings say what is wrong
        for message in _inspect(path):
            if message.importance not in _SEVERITY or (is_of_all and message.check_function_name in _OF_A_SUBJECT):
                continue
            if message.check_function_name.startswith("During io.read"):
                raise InputError(f"{path}: cannot be read as NWB ({_one_line(message.message)}); convert it again")
            findings.append(
                Finding(
                    severity=_SEVERITY[message.importance],
                    rule=message.check_function_name,
                    message=_one_line(message.message),
                    location=message.location or "",
                )
            )
    order = list(dict.fromkeys(_SEVERITY.values()))
    return tuple(sorted(findings, key=lambda finding: order.index(finding.severity)))


def _inspect(path: Path) -> list[InspectorMessage]:
    if namespace := _installed_schema_of(path):
        try:
            return _inspect_by_installed_schema(path, namespace)
        except (*H5_ERRORS, ConstructError):
            pass  # the inspector says better why the file cannot be read
    found = inspect_nwbfile(nwbfile_path=str(path), config=load_config("dandi"))
    return [message for message in found if message is not None]


def holds_all_participants(path: Path) -> bool:
    """Whether a file holds the results of a whole study, and no recording."""
    try:
        with h5py.File(path, "r") as file:
            study = file.get(f"processing/{INFERENCE_MODULE}/{STUDY}")
            return study is not None and decode(study.attrs["participant"]) == "" and "subject" not in file["general"]
    except H5_ERRORS:
        return False


def schema_errors(path: Path, *, use_cached_namespaces: bool = True) -> frozenset[str]:
    """What the schema validator objects to, by the schema in the file or by the installed one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old schemas; what counts are the errors
        if use_cached_namespaces and (namespace := _installed_schema_of(path)):
            with _open_by_installed_schema(path) as io:
                return frozenset(map(str, _validator_of(namespace).validate(io.read_builder())))
        return frozenset(map(str, pynwb.validate(path=str(path), use_cached_namespaces=use_cached_namespaces)))


def _installed_schema_of(path: Path) -> str | None:
    """
    The namespace that a file follows, if every specification in it is the installed one.

    Then it need not be read from the file, which takes most of the time of a validation.
    """
    load_extension()
    catalog = pynwb.get_type_map(copy=False).namespace_catalog
    known = {name: [str(catalog.get_namespace(name)["version"])] for name in (*_CORE_NAMESPACES, NAMESPACE)}
    try:
        with h5py.File(path, "r") as file:
            held = {name: list(versions) for name, versions in file["specifications"].items()}
    except H5_ERRORS:
        return None
    if held == known:
        return NAMESPACE
    return _CORE_NAMESPACES[0] if held == {name: known[name] for name in _CORE_NAMESPACES} else None


def _open_by_installed_schema(path: Path) -> pynwb.NWBHDF5IO:
    """Open a file without a copy of all types, which only reading a schema from it would change."""
    manager = BuildManager(pynwb.get_type_map(copy=False))
    return pynwb.NWBHDF5IO(str(path), mode="r", manager=manager, load_namespaces=False)


@cache
def _validator_of(namespace: str) -> ValidatorMap:
    """What `pynwb.validate` uses, which takes no other installed namespace than the core."""
    return ValidatorMap(pynwb.get_type_map(copy=False).namespace_catalog.get_namespace(namespace))


def _inspect_by_installed_schema(path: Path, namespace: str) -> list[InspectorMessage]:
    """As the inspector does, in a fraction of the time."""
    with _open_by_installed_schema(path) as io:
        found = [
            InspectorMessage(
                message=error.reason,
                importance=Importance.PYNWB_VALIDATION,
                check_function_name=error.name,
                location=error.location,
                file_path=str(path),
            )
            for error in _validator_of(namespace).validate(io.read_builder())
        ]
        found += inspect_nwbfile_object(nwbfile_object=io.read(), config=load_config("dandi"))
    return found


def require_valid(path: Path) -> tuple[Finding, ...]:
    """
    Inspect a file, refuse it if anything is in error or critical, and give its violations and suggestions.

    Raises
    ------
    InputError
        Names the first finding that rules the file out.
    """
    findings = inspect_file(path)
    fatal = [finding for finding in findings if finding.severity in REFUSED]
    if fatal:
        more = f" (and {len(fatal) - 1} more)" if len(fatal) > 1 else ""
        raise InputError(f"{path}: not a valid NWB file: {fatal[0]}{more}")
    return findings


def _one_line(text: str | None) -> str:
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return (lines[-1] if lines and lines[0].startswith("Traceback") else " ".join(lines))[:300]
