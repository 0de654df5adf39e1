"""Options, logging, one-line errors and results as text or JSON: common to all commands."""

import functools
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from nwb_spikeinference.config import DANDI_API, StudySettings
from nwb_spikeinference.errors import SpikeInferenceError, describe
from nwb_spikeinference.settings import load_settings

Function = TypeVar("Function", bound=Callable[..., Any])


class Output:
    """Prints the result on stdout: text for people, or one JSON document."""

    def __init__(self, as_json: bool, is_quiet: bool) -> None:
        self._as_json = as_json
        self._is_quiet = is_quiet

    def show(self, text: str, document: Any) -> None:
        """Print one of the two."""
        click.echo(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) if self._as_json else text)

    def tell(self, lines: Iterable[str]) -> None:
        """Say on stderr what is worth knowing beside the result."""
        if not self._is_quiet:
            for line in lines:
                click.echo(line, err=True)


def shared_options(function: Function) -> Function:
    """
    Add ``--json``, ``-v``, ``-q`` and ``--debug`` to a command and give it an `Output` as ``output``.

    The command returns its exit code, or None for 0. Our errors become one line on stderr and their exit code.
    """

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
    @click.option("-v", "--verbose", is_flag=True, help="Say more on stderr.")
    @click.option("-q", "--quiet", is_flag=True, help="Say only errors on stderr.")
    @click.option("--debug", is_flag=True, help="Show tracebacks.")
    @functools.wraps(function)
    def wrapped(*args: Any, as_json: bool, verbose: bool, quiet: bool, debug: bool, **options: Any) -> None:
        _set_up_logging(logging.DEBUG if verbose else logging.ERROR if quiet else logging.INFO)
        try:
            code = function(*args, output=Output(as_json, quiet), **options)
        except SpikeInferenceError as error:
            if debug:
                raise
            click.echo(f"error: {describe(error, longest=None)}", err=True)
            code = error.exit_code
        except MemoryError:
            click.echo("error: out of memory; use fewer jobs or a smaller batch", err=True)
            code = 4
        sys.exit(code or 0)

    return wrapped  # type: ignore[return-value]


PATH = click.Path(path_type=Path)
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
study_option = click.option(
    "--study", type=PATH, metavar="STUDY", help="Read files as this study.yaml says: its layout, regions and aliases."
)
server_option = click.option("--server", default=DANDI_API, metavar="URL", help="API of another archive than DANDI.")


def read_study(path: Path | None) -> StudySettings | None:
    """What `study_option` names."""
    return None if path is None else load_settings(path, StudySettings)


@contextmanager
def quiet_imports() -> Iterator[None]:
    """Keep the start-up notices that TensorFlow's C++ code writes to stderr off the screen; no setting of it does."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w", encoding="ascii") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _set_up_logging(level: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    for package in ("nwb_spikeinference", "nwb_spikeinference_converters"):
        logger = logging.getLogger(package)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False
