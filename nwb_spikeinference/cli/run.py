"""``nsi run``."""

from pathlib import Path

import click

from nwb_spikeinference.cli.common import PATH, Output, quiet_imports, read_study, shared_options


@click.command("run")
@click.argument("study", type=PATH)
@click.option("--engine", type=click.Choice(["local"]), default="local", show_default=True, help="Who does the tasks.")
@click.option("--fresh", is_flag=True, help="Forget finished tasks first.")
@click.option("--dry-run", is_flag=True, help="Check settings and list the files, then stop.")
@shared_options
def command(study: Path, engine: str, fresh: bool, dry_run: bool, output: Output) -> int:
    """Run the study that STUDY (a study.yaml) describes, or continue it."""
    read_study(study)  # a mistake is told before libraries are imported, which takes seconds
    with quiet_imports():
        from nwb_spikeinference.pipeline.study import list_inputs, run_study

    if dry_run:
        paths = [str(path) for path in list_inputs(study)]
        output.show("\n".join(paths), {"sessions": paths})
        return 0
    outcome = run_study(study, fresh=fresh)
    text = [f"{one.id} {one.verdict}: {one.reason}" for one in outcome.results.hypotheses]
    text += [f"failed: {one}" for one in outcome.failed]
    text.append(str(outcome.report))
    output.show(
        "\n".join(text),
        {
            "results": str(outcome.output / "results.json"),
            "report": str(outcome.report),
            "nwb": [str(path) for path in outcome.written_back],
            "failed": [{"task": one.label, "error": str(one.error)} for one in outcome.failed],
        },
    )
    return 1 if outcome.failed else 0
