"""
How many changes to the rules of evaluation the tests notice; run it through ``scripts/mutation_score``.

Mutmut changes one operator, number, name or argument of a function at a time, in a copy of the package, and runs the
tests that reach the function. Constants outside functions it leaves alone: the tests of borders hold those.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

ROOT = Path(__file__).parents[1]
WORK = ROOT / ".venv-mutation" / "work"
PACKAGE = "nwb_spikeinference"
WANTED = 0.9
_HYPOTHESES = ("hypotheses", "gamma_claim", "bleed_objection", "transfer_claim", "transfer_borders")
TESTS = {  # of each module; those that simulate a whole study would only take longer
    "statistics": ("statistics", "transfer_borders", "hypotheses"),
    "claims": _HYPOTHESES,
    "hypotheses": _HYPOTHESES,
    "transfer_claim": ("transfer_claim", "transfer_borders"),
    "splits": ("splits",),
    "surrogates": ("surrogates",),
    "thinning": ("thinning",),
    "metrics": ("metrics",),
}
_NOTICED = {"killed", "timeout"}  # a loop that a change made endless is noticed


def main() -> int:
    """Mutate, test, print; 1 if a module has a lower score than wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", help=f"of evaluation/; default: {' '.join(TESTS)}")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="mutants that are tested side by side")
    arguments = parser.parse_args()
    if unknown := set(arguments.modules) - set(TESTS):
        parser.error(f"no tests are known for {', '.join(sorted(unknown))}; choose from {', '.join(TESTS)}")
    scores = {module: score_module(module, arguments.processes) for module in arguments.modules or TESTS}
    for module, (noticed, total) in scores.items():
        print(f"{module:<16}{noticed:>5} of {total:>4}{noticed / total:>8.1%}")
    return int(any(noticed < WANTED * total for noticed, total in scores.values()))


def score_module(module: str, processes: int) -> tuple[int, int]:
    """Test all mutants of a module, print those that no test notices; how many were noticed, and how many there are."""
    folder = WORK / module
    shutil.rmtree(folder, ignore_errors=True)
    lay_out(folder, module)
    os.chdir(folder)  # mutmut looks for its settings and its mutants in the working folder
    mutmut = [sys.executable, "-m", "mutmut", "run", "--max-children", str(processes)]
    with Path("log").open("w", encoding="utf-8") as log:
        done = subprocess.run(mutmut, stdout=log, stderr=subprocess.STDOUT, check=False)
    source = f"{PACKAGE}/evaluation/{module}.py"
    record = Path("mutants", f"{source}.meta")
    codes = json.loads(record.read_text(encoding="utf-8"))["exit_code_by_key"] if record.exists() else {}
    if done.returncode or not codes or None in codes.values():
        sys.exit(f"mutmut did not come to its end; see {folder / 'log'}")
    missed = [name for name, code in codes.items() if status_by_exit_code[code] not in _NOTICED]
    for name in missed:
        changed = get_diff_for_mutant(name, path=source).splitlines()[3:]
        print(f"{module}: {name.rpartition('.')[2]}", *(line for line in changed if line[0] in "+-"), sep="\n")
    return len(codes) - len(missed), len(codes)


def lay_out(folder: Path, module: str) -> None:
    """Copy the package, the tests that concern the module, and the settings of pytest."""
    tests = folder / "tests" / "evaluation"
    tests.mkdir(parents=True)
    shutil.copytree(ROOT / PACKAGE, folder / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("conftest", *(f"test_{topic}" for topic in TESTS[module])):
        shutil.copy(ROOT / "tests" / "evaluation" / f"{name}.py", tests)
    settings = {
        "source_paths": [PACKAGE],
        "only_mutate": [f"{PACKAGE}/evaluation/{module}.py"],
        "pytest_add_cli_args_test_selection": ["tests/evaluation"],
    }
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    ours = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (folder / "pyproject.toml").write_text(f"{ours}\n[tool.mutmut]\n{lines}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
