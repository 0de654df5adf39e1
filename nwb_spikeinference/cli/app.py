"""The group of commands; each lies in a file of its own and is imported when it is asked for."""

import os
import sys
from importlib import import_module

import click

from nwb_spikeinference import __version__
from nwb_spikeinference.cli.interruption import Signals

# Command -> what it does, so that the overview need not import the commands.
COMMANDS = {
    "demo": "Run the main job on a simulated study, end to end, in minutes.",
    "init": "Write commented study.yaml and session.yaml files to start from.",
    "convert": "Turn raw recordings, sorted units and a montage into inspected NWB files.",
    "fetch": "Download the NWB files of a dataset of the DANDI archive, verified.",
    "inspect": "Say what is in NWB files, and whether it can be used.",
    "run": "Run a study: features, cross-validation, controls, write-back, report.",
    "status": "Say which tasks of a study are done, failed or unfinished.",
    "predict": "Infer spiking from LFP alone, by a model that a study trained.",
    "report": "Render a study's report again.",
    "verify": "Read every chunk of NWB files and check what they claim.",
    "simulate": "Write a simulated study with known truth.",
    "doctor": "Describe this installation and machine, to paste into a bug report.",
}


class LazyGroup(click.Group):
    """Imports a command's file only when the command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None if there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"nwb_spikeinference.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest command for an unknown one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"commands: {', '.join(COMMANDS)}"
            raise click.UsageError(f"no command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="nwb-spikeinference")
def app() -> None:
    """Convert microwire recordings to NWB and infer spiking from LFP, with the controls that make it believable."""


def run_app() -> None:
    """Run the command line; SIGTERM ends it with 143, Ctrl-C with 130, after files and locks are in order."""
    os.environ.setdefault("DANDI_NO_ET", "1")  # no telemetry from any library
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    signals = Signals()
    signals.listen()
    try:
        try:
            app(standalone_mode=False)
        finally:
            signals.stop()
    except BaseException as error:
        # Whatever ends the command after a signal came of it, by whatever name it got through the libraries.
        if signals.received is not None or _is_interruption(error):
            click.echo("interrupted; what was finished is kept, and the same command continues", err=True)
            sys.exit(signals.exit_code)
        if isinstance(error, click.ClickException):
            click.echo(f"error: {error.format_message()}", err=True)
            sys.exit(2)
        raise


def _is_interruption(error: BaseException) -> bool:
    """Click aborts for any file that ends early, too, as if that were the end of what is typed."""
    return isinstance(error, (click.Abort, KeyboardInterrupt)) and not isinstance(error.__cause__, EOFError)
