"""``nsi doctor``."""

import click

from nwb_spikeinference.cli.common import Output, shared_options


@click.command("doctor")
@shared_options
def command(output: Output) -> None:
    """Describe this installation and machine."""
    from nwb_spikeinference.pipeline.doctor import describe_machine

    facts = describe_machine()
    output.show("\n".join(f"{name}: {value}" for name, value in facts.items()), facts)
