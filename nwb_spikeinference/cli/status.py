"""``nsi status``."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path

import click

from nwb_spikeinference.cli.common import FOLDER, Output, shared_options


@click.command("status")
@click.argument("folder", type=FOLDER)
@shared_options
def command(folder: Path, output: Output) -> int:
    """Say which tasks of the study whose output is FOLDER are done, failed or unfinished."""
    from nwb_spikeinference.pipeline.tasks.store import TaskStore, describe_failure

    states = TaskStore(folder / "tasks").states()
    counts = Counter(one.state for one in states)
    lines = [", ".join(f"{number} {state}" for state, number in sorted(counts.items())) or "no task was begun here"]
    if counts["stale"]:
        lines.append("stale: done by another version of the program; 'nsi run' does them again")
    lines += [f"failed: {describe_failure(one.label, str(one.error))}" for one in states if one.state == "failed"]
    output.show("\n".join(lines), {"counts": dict(counts), "tasks": [asdict(one) for one in states]})
    return 1 if counts["failed"] else 0
