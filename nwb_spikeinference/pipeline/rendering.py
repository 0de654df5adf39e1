"""
A study's report, rendered again from its results.
"""

import json
from pathlib import Path

from pydantic import ValidationError

from nwb_spikeinference.errors import InputError
from nwb_spikeinference.pipeline.examples import load_examples
from nwb_spikeinference.records import Results
from nwb_spikeinference.report.build import write_report


def render_again(folder: Path, target: Path | None = None) -> Path:
    """
    Render ``results.json`` of a study's output folder.

    Raises
    ------
    InputError
        If the folder holds no readable results.
    """
    source = folder / "results.json"
    try:
        results = Results.model_validate(json.loads(source.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise InputError(f"{source}: no such file; 'nsi run' writes it at the end of a study") from None
    except (OSError, json.JSONDecodeError, ValidationError) as error:
        raise InputError(f"{source}: not readable as results ({type(error).__name__}); run the study again") from error
    target = target or folder / "report.html"
    write_report(results, target, load_examples(folder / "examples.npz"))
    return target
