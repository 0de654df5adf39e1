"""The command line: parse, delegate, print. Everything it does is a library call."""


def main() -> None:
    """Entry point of ``nwb-spikeinference`` and ``nsi``."""
    from nwb_spikeinference.cli.app import run_app

    run_app()
