"""``nsi convert``."""

from dataclasses import asdict
from pathlib import Path

import click

from nwb_spikeinference.cli.common import PATH, Output, shared_options


@click.command("convert")
@click.argument("sessions", nargs=-1, required=True, type=PATH)
@click.option("-o", "--output-dir", "folder", required=True, type=PATH, help="Where NWB files go.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1), help="Sessions converted at a time.")
@click.option("--overwrite", is_flag=True, help="Replace files that this program did not make.")
@click.option("--dry-run", is_flag=True, help="Read and check everything, write nothing.")
@shared_options
def command(sessions: tuple[Path, ...], folder: Path, jobs: int, overwrite: bool, dry_run: bool, output: Output) -> int:
    """Convert the recordings that SESSIONS (session.yaml files) describe, one NWB file each."""
    from nwb_spikeinference.pipeline.conversion import convert_sessions

    done = convert_sessions(sessions, folder, jobs=jobs, overwrite=overwrite, dry_run=dry_run)
    lines, documents = [], []
    for one in done:
        if one.report is None:
            lines.append(f"{one.session_file}: failed: {one.error}")
            documents.append({"session": str(one.session_file), "error": str(one.error)})
            continue
        report = one.report
        lines.append(
            f"{report.path}: {report.status}; {report.units} units, {report.channels} channels, {report.seconds:.1f} s"
            + (f" in {report.blocks} blocks" if report.blocks > 1 else "")
        )
        lines += [f"  note: {note}" for note in report.notes]
        output.tell(f"{one.session_file}: {gap}" for gap in report.gaps)
        documents.append({"session": str(one.session_file), **asdict(report), "path": str(report.path)})
    failed = [one.error for one in done if one.error is not None]
    if failed and len(done) == 1:
        raise failed[0]
    output.show("\n".join(lines), documents)
    return 1 if failed else 0
