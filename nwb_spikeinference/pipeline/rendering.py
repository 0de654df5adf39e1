"""
A study's report, rendered again from its results.
"""

import json
from pathlib import Path

from pydantic import ValidationError

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.files import require_absent
from nwb_spikeinference.records import RESULTS_FILE, Results
from nwb_spikeinference.report.build import write_report
from nwb_spikeinference.report.examples import load_examples


def render_again(folder: Path, target: Path | None = None, *, overwrite: bool = False) -> Path:
    """
    Render ``results.json`` of a study's output folder, by default to its ``report.html``, which is replaced.

    Raises
    ------
    ExistsError
        If another target exists and may not be replaced.
    InputError
        If the folder holds no readable results.
    """
    source, own = folder / RESULTS_FILE, folder / "report.html"
    target = own if target is None else target
    if target.resolve() != own.resolve():
        require_absent(target, overwrite)
    try:
        results = Results.model_validate(json.loads(source.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise InputError(f"{source}: no such file; 'nsi run' writes it at the end of a study") from None
    except (OSError, json.JSONDecodeError, ValidationError) as error:
        raise InputError(f"{source}: not readable as results ({type(error).__name__}); run the study again") from error
    write_report(results, target, load_examples(folder / "examples.npz"))
    return target
