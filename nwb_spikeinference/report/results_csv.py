"""``results.csv``: one row per unit, model and metric."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from nwb_spikeinference.files import write_text
from nwb_spikeinference.recordings import UnitKey
from nwb_spikeinference.records import Results, UnitModelScore, UnitRecord
from nwb_spikeinference.report.cells import is_known
from nwb_spikeinference.report.scope import Scope, find_scope

COLUMNS = (
    *("participant", "session", "unit_id", "unit_row", "region", "hemisphere", "cell_type"),
    *("predictor", "protocol", "model"),
    *("metric", "value", "excluded_reason"),
)
# Scores that a unit's record may lack.
UNIT_METRICS = tuple(name for name, field in UnitRecord.model_fields.items() if field.annotation == float | None)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def write_results_csv(results: Results, target: Path, scores: Sequence[UnitModelScore] = ()) -> None:
    """
    Write the tidy table of a study as UTF-8 CSV.

    Parameters
    ----------
    results : Results
        Gives the units and the main model's metrics.
    target : Path
        The file to be made or replaced.
    scores : sequence of UnitModelScore
        Scores of all models; those that repeat a metric of `results` are left out.

    Notes
    -----
    A unit without any score has one row, with its reason and an empty value. Text that a spreadsheet would run as a
    formula starts with an apostrophe.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_safe(value) for value in row] for row in _rows(find_scope(results), scores))
    write_text(target, stream.getvalue())


def _rows(scope: Scope, scores: Sequence[UnitModelScore]) -> Iterator[tuple[str | float | None, ...]]:
    by_unit: dict[UnitKey, list[UnitModelScore]] = defaultdict(list)
    for score in scores:
        by_unit[UnitKey(score.participant, score.session, score.unit_row)].append(score)
    for unit in scope.results.units:
        main = (unit.predictor, scope.protocol, scope.model)
        own = {(*main, name): value for name in UNIT_METRICS if is_known(value := getattr(unit, name))}
        others = [
            ((score.predictor or unit.predictor, score.protocol, score.model, score.metric), score.value)
            for score in by_unit.get(unit.key, [])
        ]
        rows = [*own.items(), *(row for row in others if row[0] not in own)]
        for what, value in rows or [((*main, "roc_auc"), None)]:
            yield (
                *(unit.participant, unit.session, unit.unit_id, unit.unit_row),
                *(unit.region, unit.hemisphere, unit.cell_type),
                *(*what, value if is_known(value) else None, unit.excluded_reason),
            )


def _safe(value: str | float | None) -> str | float | None:
    """Text that cannot become a formula; numbers as they are."""
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value
