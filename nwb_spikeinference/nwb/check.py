"""
Is an NWB file valid, and does it follow the archive's practice?

The rules are NWB Inspector's, as the DANDI archive configures them.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import h5py
import pynwb
from hdmf.build import ConstructError
from nwbinspector import (
    Importance,
    InspectorMessage,
    inspect_nwbfile,
    inspect_nwbfile_object,
    load_config,
)

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.nwb.open_file import H5_ERRORS

Severity = Literal["error", "critical", "violation", "suggestion"]

_SEVERITY: dict[Importance, Severity] = {
    Importance.ERROR: "error",
    Importance.PYNWB_VALIDATION: "error",
    Importance.CRITICAL: "critical",
    Importance.BEST_PRACTICE_VIOLATION: "violation",
    Importance.BEST_PRACTICE_SUGGESTION: "suggestion",
}
_CORE_NAMESPACES = ("core", "hdmf-common", "hdmf-experimental")
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

    Raises
    ------
    InputError
        If the file cannot be opened as NWB.
    """
    findings = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries about other people's files; the findings say what is wrong
        for message in _inspect(path):
            if message.importance not in _SEVERITY:
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
    if _follows_installed_schema(path):
        try:
            return _inspect_by_installed_schema(path)
        except (*H5_ERRORS, ConstructError):
            pass  # the inspector says better why the file cannot be read
    found = inspect_nwbfile(nwbfile_path=str(path), config=load_config("dandi"))
    return [message for message in found if message is not None]


def _follows_installed_schema(path: Path) -> bool:
    """Whether every specification in the file is the NWB core, as it is installed."""
    installed = pynwb.get_type_map(copy=False).namespace_catalog
    known = {name: [str(installed.get_namespace(name)["version"])] for name in _CORE_NAMESPACES}
    try:
        with h5py.File(path, "r") as file:
            held = {name: list(versions) for name, versions in file["specifications"].items()}
    except H5_ERRORS:
        return False
    return held == known


def _inspect_by_installed_schema(path: Path) -> list[InspectorMessage]:
    """As the inspector does, in a fraction of the time: the schema in the file is not read, being the installed one."""
    with pynwb.NWBHDF5IO(str(path), mode="r", load_namespaces=False) as io:
        found = [
            InspectorMessage(
                message=error.reason,
                importance=Importance.PYNWB_VALIDATION,
                check_function_name=error.name,
                location=error.location,
                file_path=str(path),
            )
            for error in pynwb.validate(io=io, use_cached_namespaces=False)
        ]
        found += inspect_nwbfile_object(nwbfile_object=io.read(), config=load_config("dandi"))
    return found


def require_valid(path: Path) -> tuple[Finding, ...]:
    """
    Inspect a file and refuse it if anything is in error or critical.

    Returns
    -------
    tuple of Finding
        What remains: violations and suggestions.

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
