"""The command line, to be started as a process of its own."""

import sys

_RUN = "from nwb_spikeinference.cli import main; main()"
NSI = (sys.executable, "-c", _RUN)
# A shell's background jobs ignore SIGINT, and so would what they start.
NSI_THAT_LISTENS = (
    sys.executable,
    "-c",
    f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {_RUN}",
)
