"""``nsi fetch``."""

from pathlib import Path
from typing import Any

import click

from nwb_spikeinference.cli.common import PATH, Output, server_option, shared_options
from nwb_spikeinference.files import describe_bytes


def _read_size(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    from pydantic import ByteSize, TypeAdapter, ValidationError

    try:
        return None if text is None else TypeAdapter(ByteSize).validate_python(text)
    except ValidationError:
        raise click.BadParameter(f"{text!r} is no size; write e.g. 500 MB or 20 GB") from None


@click.command("fetch")
@click.argument("dataset", metavar="DANDI:ID[/VERSION]")
@click.option("-o", "--output-dir", "folder", required=True, type=PATH, help="Where it goes.")
@click.option("--glob", default="*", show_default=True, help="Paths of files to fetch; * matches slashes too.")
@click.option(
    "--max-size", "max_bytes", callback=_read_size, metavar="SIZE", help="Fetch nothing if it is more, e.g. 20 GB."
)
@click.option("--cache", type=PATH, help="Where downloads are kept; else the user's cache.")
@click.option("--no-cache", is_flag=True, help="Leave what is downloaded now in the output folder alone.")
@server_option
@click.option("--update", is_flag=True, help="Ask the archive again, and exchange what is there for what it has.")
@click.option("--dry-run", is_flag=True, help="Say sizes, write nothing.")
@shared_options
def command(dataset: str, folder: Path, no_cache: bool, dry_run: bool, output: Output, **choices: Any) -> None:
    """
    Download the NWB files of a dataset of the DANDI archive, verified by sha256.

    They go into a folder below the output folder, named by the dataset's number, with dandi.lock.json, which says
    exactly what was fetched. The same command continues after an interruption, and makes no request once all is there.
    """
    from nwb_spikeinference.archive.address import parse_address
    from nwb_spikeinference.archive.fetch import FetchSettings, carry_out, plan_fetch

    settings = FetchSettings(keep_cached=not no_cache, **choices)
    plan = plan_fetch(parse_address(dataset), folder, settings)
    output.tell(_describe(plan))
    if not dry_run:
        carry_out(plan, settings)
    done = "was in place" if not plan.missing else "would be fetched" if dry_run else "fetched"
    output.show(
        f"{plan.folder}: {plan.address}, {len(plan.files)} files, {describe_bytes(plan.n_bytes)}, {done}",
        {
            "dataset": plan.address.dandiset,
            "version": plan.address.version,
            "folder": str(plan.folder),
            "bytes": plan.n_bytes,
            "downloaded_bytes": 0 if dry_run else plan.missing_bytes,
            "other_files": plan.n_others,
            "files": [one.asset.model_dump() | {"file": str(one.target), "was": one.state} for one in plan.files],
        },
    )


def _describe(plan: Any) -> list[str]:
    lines = [f"{describe_bytes(one.asset.size):>10}  {one.asset.path}, {one.state}" for one in plan.files]
    lines.append(f"{describe_bytes(plan.n_bytes):>10}  in all, {describe_bytes(plan.missing_bytes)} to download")
    if plan.n_others:
        lines.append(f"{plan.n_others} files in other formats than NWB are not fetched")
    lines += [f"no longer in the dataset, or another file there, removed: {path}" for path in plan.obsolete]
    return lines
