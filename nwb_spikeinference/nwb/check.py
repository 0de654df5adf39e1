"""
Is an NWB file valid, and does it follow the archive's practice?

The rules are NWB Inspector's, as the DANDI archive configures them.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nwbinspector import Importance, inspect_nwbfile, load_config

from nwb_spikeinference.errors import InputError

Severity = Literal["error", "critical", "violation", "suggestion"]

_SEVERITY: dict[Importance, Severity] = {
    Importance.ERROR: "error",
    Importance.PYNWB_VALIDATION: "error",
    Importance.CRITICAL: "critical",
    Importance.BEST_PRACTICE_VIOLATION: "violation",
    Importance.BEST_PRACTICE_SUGGESTION: "suggestion",
}
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
        for message in inspect_nwbfile(nwbfile_path=str(path), config=load_config("dandi")):
            if message is None or message.importance not in _SEVERITY:
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
