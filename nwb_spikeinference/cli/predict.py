"""``nsi predict``."""

from pathlib import Path
from typing import Any

import click

from nwb_spikeinference.cli.common import PATH, Output, quiet_imports, read_study, shared_options, study_option
from nwb_spikeinference.regions import name_place


@click.command("predict")
@click.argument("model", type=PATH)
@click.argument("file", type=PATH)
@click.option("-o", "--output-file", "target", required=True, type=PATH, help="The copy.")
@click.option("--region", "regions", multiple=True, help="Contacts of this region only; may be repeated.")
@click.option("--hemisphere", "hemispheres", multiple=True, help="Contacts of this side only: left, right or midline.")
@click.option("--channel", "channels", multiple=True, metavar="NAME", help="This contact only; may be repeated.")
@study_option
@click.option("--overwrite", is_flag=True, help="Replace a file that holds results.")
@click.option("--dry-run", is_flag=True, help="Check model, file and contacts, write nothing.")
@shared_options
def command(
    model: Path,
    file: Path,
    target: Path,
    study: Path | None,
    overwrite: bool,
    dry_run: bool,
    output: Output,
    **choice: tuple[str, ...],
) -> None:
    """
    Infer spiking from the LFP in FILE, an NWB file without units, by MODEL, the folder that a study wrote.

    Writes a copy of FILE, without raw voltages, with the probability of spiking of a typical excitatory and inhibitory
    neuron at each contact, and says where the model was trained and what lies outside of it.
    """
    settings = read_study(study)
    with quiet_imports():
        from nwb_spikeinference.pipeline.predict import ContactChoice, predict_file

    contacts = ContactChoice(**choice)
    done = predict_file(model, file, target, contacts, overwrite=overwrite, dry_run=dry_run, study=settings)
    lines = [_describe(one, computed=done.written is not None) for one in done.contacts]
    lines += [*done.statements, str(done.written) if done.written else "nothing was written"]
    output.show(
        "\n".join(lines),
        {
            "file": str(done.written) if done.written else None,
            "statements": list(done.statements),
            "contacts": [
                {
                    "label": one.electrode.label,
                    "region": one.electrode.region,
                    "hemisphere": one.electrode.hemisphere,
                    "electrode_type": one.electrode.kind,
                    "rate_hz": one.rate_hz,
                    "outside_training": list(one.outside),
                    "inferred_share": one.inferred_share,
                    "excluded_reason": one.reason,
                }
                for one in done.contacts
            ],
        },
    )


def _describe(one: Any, *, computed: bool) -> str:
    electrode = one.electrode
    place = name_place(electrode.region or "unknown region", electrode.hemisphere)
    parts = [f"{electrode.label} ({place}, {electrode.kind}, {one.rate_hz:g} Hz)"]
    if one.reason:
        parts.append(f"left out, {one.reason}")
    elif computed:
        parts.append(f"{one.inferred_share:.0%} of the time")
    parts.append(f"outside of training: {'; '.join(one.outside)}" if one.outside else "as in training")
    return ": ".join([parts[0], ", ".join(parts[1:])])
