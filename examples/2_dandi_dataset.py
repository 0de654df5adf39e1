"""
A DANDI dataset: looked into where it is, fetched, studied, and everything that comes out is checked.

    python examples/2_dandi_dataset.py FOLDER DANDI:ID[/VERSION] [STUDY.yaml]

Nothing is downloaded before every file has been looked into. STUDY.yaml is used instead of the settings below; its key
`archive` names another server, chooses files, or allows more than 50 GB.
"""

import sys
from pathlib import Path

import yaml

from nwb_spikeinference import StudySettings, fetch_dataset, inspect_files, load_settings, run_study, verify_paths
from nwb_spikeinference.archive.fetch import FetchSettings

SETTINGS = {
    "participants": {"exclude": []},  # who is left out
    "validation": {"folds": 5},
    "transfer": {"train": {"region": "hippocampus", "hemisphere": "left"}},
}


def main() -> None:
    """Look, fetch, study, check."""
    folder, dataset = Path(sys.argv[1]), sys.argv[2]
    folder.mkdir(parents=True, exist_ok=True)
    content = yaml.safe_load(Path(sys.argv[3]).read_text(encoding="utf-8")) if len(sys.argv) > 3 else SETTINGS
    study = folder / "dataset.study.yaml"  # the settings, and where its files are
    study.write_text(yaml.safe_dump(content | {"sessions": [dataset]}), encoding="utf-8")
    archive = load_settings(study, StudySettings).archive

    # Only the parts of a file that tell what it holds are read.
    files = inspect_files([dataset], archive=archive)
    for file in files:
        places = ", ".join(f"{n} in {place}" for place, n in file.units.items()) or "no units"
        print(f"{file.path}: participant {file.participant}, {places}; {file.reason or 'usable'}")
    if not any(file.usable for file in files):
        sys.exit("no file of this dataset holds both LFP and units")

    settings = FetchSettings(server=archive.server, glob=archive.glob, max_bytes=archive.max_size)
    fetched = fetch_dataset(dataset, folder / archive.folder, settings)
    print(f"{len(fetched.files)} files of {fetched.address} in {fetched.folder}")

    # Reads what was fetched, without a request. A file that cannot be used does not stop the others.
    outcome = run_study(study)
    for failed in outcome.failed:
        print(f"left out: {failed.error}")
    for claim in outcome.results.hypotheses:
        print(f"{claim.id} {claim.verdict}: {claim.reason}")
    for path in outcome.written_back:
        print(f"with predictions: {path}")

    damaged = {path: findings for path, findings in verify_paths([*outcome.written_back]).items() if findings}
    print(damaged or "every file is whole")


if __name__ == "__main__":
    main()
