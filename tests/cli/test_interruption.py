"""SIGTERM and Ctrl-C: exit codes, what is put in order, and libraries that get in the way."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command import NSI_THAT_LISTENS

SAID = "interrupted; what was finished is kept, and the same command continues\n"


def interrupted(body: str) -> subprocess.CompletedProcess[str]:
    """A process whose command is ``body``; ``interrupt()`` in it sends SIGTERM and waits until it came."""
    code = (
        "import atexit, os, signal, time\n"
        "import nwb_spikeinference.cli.app as module\n"
        "def interrupt(): os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)\n"
        f"def app(standalone_mode):\n{body}\n"
        "module.app = app\n"
        "module.run_app()"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_with_its_code_and_how_to_go_on(tmp_path: Path, number: int, code: int) -> None:
    process = subprocess.Popen(
        [*NSI_THAT_LISTENS, "simulate", str(tmp_path), "--participants", "40", "--seconds", "30"],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("S01/.raw.ns6*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (code, SAID)
    assert not list(tmp_path.glob("**/.*.partial"))


def test_f03_an_interruption_that_is_swallowed_once_gets_through() -> None:
    done = interrupted(" try: interrupt()\n except BaseException: pass\n time.sleep(60)")
    assert (done.returncode, done.stderr) == (143, SAID)


def test_f03_an_interruption_that_comes_out_as_another_error_is_told_as_what_it_is() -> None:
    """As from HDF5's callbacks; ending takes longer than the interruption waits."""
    slow_end = " atexit.register(time.sleep, 1.5)\n"
    done = interrupted(
        f"{slow_end} try: interrupt()\n except BaseException as error: raise SystemError('lock') from error"
    )
    assert (done.returncode, done.stderr) == (143, SAID)


def test_f03_an_interruption_leaves_what_puts_files_in_order_to_finish() -> None:
    done = interrupted(" try: interrupt()\n finally:\n  time.sleep(2.5)\n  print('in order')")
    assert (done.returncode, done.stdout) == (143, "in order\n")


def test_f03_an_interruption_of_a_finalizer_is_told_in_one_line() -> None:
    done = interrupted(" class Held:\n  def __del__(self): interrupt()\n held = Held()\n del held\n time.sleep(60)")
    assert (done.returncode, done.stderr) == (143, SAID)


def test_a_file_that_ends_early_is_no_interruption() -> None:
    """Click aborts for it as for Ctrl-C."""
    done = interrupted(
        " import click\n def read(): raise EOFError('no data left')\n"
        " click.Command('read', callback=read).main([], standalone_mode=False)"
    )
    assert "EOFError: no data left" in done.stderr
    assert SAID not in done.stderr
