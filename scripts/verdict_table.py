"""
What the program says of simulated worlds whose truth is known: docs/verdicts.md.

Worlds are simulated as NWB files where WORK does not hold them yet (WORK/<world>-<seed>, finished where
WORK/<world>-<seed>.done exists), and studied in WORK/study-<world>-<seed>-<model>. Logistic regression is the main
model for every seed; a network for `--network-seeds` only, with bands left out of the logistic baseline. Finished
studies are kept: repeating the command goes on where it was interrupted, and with --print it does nothing but print. A
study is repeated if its settings change or its folder is deleted.

    .venv/bin/python scripts/verdict_table.py --work verdicts > docs/verdicts.md
"""

import argparse
import logging
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from _verdict_demands import LOGISTIC, FinishedStudy
from _verdict_page import write_page

from nwb_spikeinference.errors import SpikeInferenceError
from nwb_spikeinference.pipeline.simulation import simulate_study
from nwb_spikeinference.pipeline.study import run_study
from nwb_spikeinference.records import Results
from nwb_spikeinference.simulate.simulated_study import SimulationSettings, participant_name
from nwb_spikeinference.simulate.worlds import WORLDS

PARTICIPANTS = 12
SECONDS = 60.0
BIN_MS = 5
_BESIDE_IN = "gated"  # the world that a network is to gain something in
_log = logging.getLogger("verdict_table")

Cell = tuple[str, int, str]  # world, seed, main model


def main() -> int:
    """Run what is missing, print the page; 1 if a study failed."""
    options = parse_options()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    wanted = list(wanted_studies(options))
    failed = [] if options.print else [cell for cell in wanted if not run_one(cell, options)]
    finished = {cell: results for cell in wanted if (results := load_finished(cell, options)) is not None}
    studies = [
        FinishedStudy(
            world=world,
            seed=seed,
            model=model,
            results=results,
            plain=load_finished(("default", seed, model), options),
        )
        for (world, seed, model), results in finished.items()
    ]
    missing = [" ".join(map(str, cell)) for cell in wanted if cell not in finished]
    print(write_page(studies, command_line(), describe_scope(options), missing), end="")
    return 1 if failed else 0


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of simulated files and studies")
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS), choices=list(WORLDS), metavar="WORLD")
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3, 4, 5], help="studied by logistic regression")
    parser.add_argument("--network", default="bilstm", help="the main model of the other studies")
    parser.add_argument("--beside", nargs="*", default=[], help=f"other networks, beside it in {_BESIDE_IN}")
    parser.add_argument("--network-seeds", nargs="*", type=int, default=[1], help="studied by the network")
    parser.add_argument("--print", action="store_true", help="only print what is finished")
    trial = parser.add_argument_group("for a quick trial")
    trial.add_argument("--participants", type=int, default=PARTICIPANTS, help="the first so many")
    trial.add_argument("--shifts", type=int, default=200)
    trial.add_argument("--thin-draws", type=int, default=20)
    return parser.parse_args()


def wanted_studies(options: argparse.Namespace) -> Iterator[Cell]:
    """Studies in the order of the tables: by world, the network first."""
    for world in options.worlds:
        for model, seeds in ((options.network, options.network_seeds), (LOGISTIC, options.seeds)):
            yield from ((world, seed, model) for seed in seeds)


def study_settings(cell: Cell, options: argparse.Namespace) -> dict[str, Any]:
    """The study.yaml of one study."""
    world, seed, model = cell
    is_network = model != LOGISTIC
    settings: dict[str, Any] = {
        "name": f"{world}-{seed}-{model}",
        "sessions": [f"../{world}-{seed}/sub-*/*.nwb"],
        "seed": seed,
        "signal": {"predictor": "neighbour"},
        "target": {"bin_ms": BIN_MS},
        "model": {"name": model},
        "baselines": [LOGISTIC, *(options.beside if world == _BESIDE_IN else [])] if is_network else [],
        "lobo": {"models": [LOGISTIC] if is_network else ["main"]},
        "controls": {"shifts": options.shifts, "thin_draws": options.thin_draws},
        "write_back": {"mode": "off"},
    }
    if options.participants < PARTICIPANTS:
        settings["participants"] = {"include": [participant_name(index) for index in range(options.participants)]}
    return settings


def study_folder(cell: Cell, options: argparse.Namespace) -> Path:
    """Where a study lies."""
    folder: Path = options.work / f"study-{'-'.join(map(str, cell))}"
    return folder


def run_one(cell: Cell, options: argparse.Namespace) -> bool:
    """Simulate and study what is not finished; False if it failed."""
    if load_finished(cell, options) is not None:
        return True
    folder = study_folder(cell, options)
    settings = yaml.safe_dump(study_settings(cell, options), sort_keys=False)
    _log.info("%s", folder.name)
    try:
        simulate(cell[0], cell[1], options.work)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "study.yaml").write_text(settings, encoding="utf-8")
        outcome = run_study(folder / "study.yaml")
    except SpikeInferenceError as error:
        _log.error("%s: %s", folder.name, error)
        return False
    if outcome.failed:
        _log.error("%s: %d tasks failed, the first: %s", folder.name, len(outcome.failed), outcome.failed[0])
        return False
    (folder / "finished.yaml").write_text(settings, encoding="utf-8")
    shutil.rmtree(outcome.output / "tasks")  # half a gigabyte of features that nobody needs any more
    return True


def simulate(world: str, seed: int, work: Path) -> None:
    """Write the NWB files of one world and seed, unless they are there."""
    done = work / f"{world}-{seed}.done"
    if done.exists():
        return
    simulated = SimulationSettings(world=world, participants=PARTICIPANTS, seconds=SECONDS, seed=seed)
    simulate_study(work / f"{world}-{seed}", simulated, file_format="nwb", overwrite=True)
    done.touch()


def load_finished(cell: Cell, options: argparse.Namespace) -> Results | None:
    """Results of a study that was finished with these settings."""
    folder = study_folder(cell, options)
    marker = folder / "finished.yaml"
    wanted = yaml.safe_dump(study_settings(cell, options), sort_keys=False)
    if not marker.exists() or marker.read_text(encoding="utf-8") != wanted:
        return None
    return Results.model_validate_json((folder / "results" / "results.json").read_text(encoding="utf-8"))


def command_line() -> str:
    """The command as typed, without the folders of this machine."""
    words = [Path(sys.argv[0]).name, *sys.argv[1:]]
    if "--work" in words:
        words[words.index("--work") + 1] = "WORK"
    return f".venv/bin/python scripts/{shlex.join(words)}"


def describe_scope(options: argparse.Namespace) -> str:
    """What the studies have in common, in words."""
    network = (
        f"`{options.network}` for seed {', '.join(map(str, options.network_seeds))}" if options.network_seeds else ""
    )
    logistic = f"`logistic` for seeds {', '.join(map(str, options.seeds))}" if options.seeds else ""
    models = " and ".join(part for part in (network, logistic) if part)
    reduced = "" if options.participants >= PARTICIPANTS else " (a quick trial: the demands are meant for 12)"
    return (
        f"{options.participants} participants{reduced} of {SECONDS:g} s, bins of {BIN_MS} ms, folds of unseen "
        f"participants; main model {models}. Where it is a network, bands are left out of the logistic baseline only, "
        f"so H4 rests on that. {options.shifts} circular shifts, {options.thin_draws} draws of matched spike counts."
    )


if __name__ == "__main__":
    sys.exit(main())
