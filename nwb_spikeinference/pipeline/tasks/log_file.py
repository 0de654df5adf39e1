"""
The log file: what a study says while it runs.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nwb_spikeinference.errors import ResourceError


class _LogFile(logging.FileHandler):
    """Loses lines on a full disk without a word: the task that could not be written says it better."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - a method of logging's
        """Keep silent."""

    def close(self) -> None:
        with suppress(OSError):
            super().close()


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """
    Append what is logged to a file as well.

    Raises
    ------
    ResourceError
        If the file cannot be made.
    """
    logger = logging.getLogger("nwb_spikeinference")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _LogFile(path, encoding="utf-8")
    except OSError as error:
        raise ResourceError(f"{path}: cannot be written ({error.strerror}); check space and rights") from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
