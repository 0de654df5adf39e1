"""
Own recordings: raw microwire files and sorted units become NWB files, a study is run on them, its scores are printed.

    python examples/1_own_recordings.py FOLDER [STUDY.yaml]

FOLDER/raw/*/session.yaml describe the recordings (`nsi init` writes one to start from). Where there are none, three
short recordings are simulated in their place, so that everything below can be tried. STUDY.yaml, FOLDER/study.yaml
unless told, is written with the settings below where it does not exist.
"""

import sys
from pathlib import Path

from nwb_spikeinference import convert_session, inspect_files, run_study, simulate_study, verify_paths
from nwb_spikeinference.simulate.simulated_study import SimulationSettings

SETTINGS = """\
sessions: ["nwb/**/*.nwb"]
signal: {line_hz: 60}                 # 50 in Europe
validation: {folds: 5}                # of participants; as many as there are participants, if they are fewer
baselines: [rate, logistic]           # what the network has to beat
"""


def main() -> None:
    """Convert, look, study, print."""
    folder = Path(sys.argv[1])
    session_files = sorted(folder.glob("raw/*/session.yaml"))
    if not session_files:
        simulate_study(folder / "raw", SimulationSettings(participants=3, seconds=16.0, seed=7))
        session_files = sorted(folder.glob("raw/*/session.yaml"))

    # A file that was converted before, from the same sources and settings, is left as it is.
    converted = [convert_session(session_file, folder / "nwb") for session_file in session_files]

    for file in inspect_files([one.path for one in converted]):
        verdict = file.reason or "usable"
        print(f"{file.participant}: {file.n_units} units, {file.overlap_s:.0f} s of LFP and spikes: {verdict}")

    study = Path(sys.argv[2]) if len(sys.argv) > 2 else folder / "study.yaml"
    if not study.exists():
        study.write_text(SETTINGS, encoding="utf-8")
    outcome = run_study(study)  # what was finished before is not repeated

    scores: dict[tuple[str, str, str], dict[str, float]] = {}
    for one in outcome.results.models:
        if one.mean is not None:
            scores.setdefault((one.protocol, one.model, one.cell_type), {})[one.metric] = one.mean
    for (protocol, model, cell_type), means in scores.items():
        if "roc_auc" in means:
            null = f", shifted in time {means['roc_auc_null']:.3f}" if "roc_auc_null" in means else ""
            print(f"{protocol}, {model}, {cell_type}: ROC-AUC {means['roc_auc']:.3f}{null}")
    for claim in outcome.results.hypotheses:
        print(f"{claim.id} {claim.verdict}: {claim.reason}")
    for flag in outcome.results.flags:
        print(f"flag {flag.id}: {flag.message}")

    print(f"report: {outcome.report}")
    damaged = {path: findings for path, findings in verify_paths([outcome.output]).items() if findings}
    print(damaged or "every file is whole")


if __name__ == "__main__":
    main()
