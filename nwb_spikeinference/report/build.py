"""
The report as one self-contained HTML file: summary, figures, template.

The page loads nothing: no script, no font, no picture from elsewhere, and a content policy that forbids it.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from nwb_spikeinference.files import write_text
from nwb_spikeinference.records import Results
from nwb_spikeinference.report import list_tables
from nwb_spikeinference.report.absence import find_absences
from nwb_spikeinference.report.cells import Table, format_interval, format_number, format_p
from nwb_spikeinference.report.examples import TraceExample
from nwb_spikeinference.report.figures.canvas import Drawing
from nwb_spikeinference.report.figures.lobo import draw_lobo
from nwb_spikeinference.report.figures.model_scores import draw_models
from nwb_spikeinference.report.figures.traces import draw_traces
from nwb_spikeinference.report.figures.transfer import draw_transfer
from nwb_spikeinference.report.figures.unit_scores import draw_precision, draw_units_beside_null
from nwb_spikeinference.report.headline import key_numbers, write_answer
from nwb_spikeinference.report.model_tables import model_tables
from nwb_spikeinference.report.scope import Scope, find_scope, model_name
from nwb_spikeinference.report.words import GLOSSARY, PREDICTORS, PROTOCOLS, SEVERITIES, VERDICTS, name_of


def write_report(results: Results, target: Path, examples: Sequence[TraceExample] = ()) -> None:
    """
    Write the report of a study; a previous one is replaced in one step.

    Parameters
    ----------
    results : Results
        Everything that the study found.
    target : Path
        The HTML file.
    examples : sequence of TraceExample
        Stretches to draw, in this order.
    """
    write_text(target, render_report(results, examples))


def render_report(results: Results, examples: Sequence[TraceExample] = ()) -> str:
    """Return the report as HTML text; equal results and examples give equal text."""
    scope = find_scope(results)
    environment = Environment(
        loader=PackageLoader("nwb_spikeinference.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": format_number, "p_value": format_p, "svg": Markup}
    environment.globals |= {"interval": format_interval}
    template = environment.get_template("report.html")
    return template.render(
        results=results,
        scope=scope,
        answer=write_answer(scope),
        tiles=key_numbers(scope),
        flags=sorted(results.flags, key=lambda flag: SEVERITIES.index(flag.severity)),
        verdict_names=VERDICTS,
        main_model=model_name(scope, scope.model),
        protocol=name_of(scope.protocol, PROTOCOLS),
        predictor=name_of(scope.predictor, PREDICTORS),
        models=model_tables(scope),
        tables=_tables(scope),
        figures=_figures(scope, examples),
        absent=find_absences(scope),
        glossary=GLOSSARY,
        settings_json=json.dumps(results.provenance.settings, indent=2, sort_keys=True, ensure_ascii=False),
    )


def _tables(scope: Scope) -> dict[str, Table]:
    results = scope.results
    return {
        "participants": list_tables.participants_table(results),
        "folds": list_tables.folds_table(results),
        "unscored": list_tables.unscored_table(scope),
        "units": list_tables.units_table(scope),
        "lobo": list_tables.lobo_table(scope),
        "transfer": list_tables.transfer_table(results),
        "inputs": list_tables.inputs_table(results),
    }


def _figures(scope: Scope, examples: Sequence[TraceExample]) -> dict[str, tuple[Drawing, ...]]:
    """Drawings by section; an empty tuple where there is nothing to draw."""
    alone = {
        "models": draw_models(scope),
        "lobo": draw_lobo(scope),
        "transfer": draw_transfer(scope),
        "units": draw_units_beside_null(scope) if scope.scored else None,
        "precision": draw_precision(scope) if scope.scored else None,
    }
    return {name: (one,) if one else () for name, one in alone.items()} | {"traces": draw_traces(examples)}
