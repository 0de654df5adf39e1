"""
Numbers as text, and tables of them.

A number that does not exist becomes a dash, and the reason travels with it.
"""

import math
from collections.abc import Container
from dataclasses import dataclass
from typing import TypeGuard

DASH = "—"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell; lines of `beside` stand small below the text, `reason` says why there is a dash."""

    text: str
    reason: str | None = None
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table of the report."""

    caption: str
    headers: tuple[str, ...]
    numeric: Container[int]  # columns of numbers
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """The reasons behind the table's dashes, each once."""
        return tuple(dict.fromkeys(cell.reason for row in self.rows for cell in row if cell.reason))


def is_known(value: float | None) -> TypeGuard[float]:
    """Whether a number exists: not None, NaN or infinite."""
    return value is not None and math.isfinite(value)


def format_number(value: float | None, digits: int = 3) -> str:
    """
    Write a number with a fixed count of decimals and a typographic minus, or a dash.

    Examples
    --------
    >>> format_number(-0.12345)
    '−0.123'
    >>> format_number(float("nan"))
    '—'
    """
    if not is_known(value):
        return DASH
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", "−")


def format_interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """Write an interval in brackets, ``[—]`` when it does not exist."""
    if not (is_known(low) and is_known(high)):
        return f"[{DASH}]"
    return f"[{format_number(low, digits)}, {format_number(high, digits)}]"


def format_p(value: float | None) -> str:
    """Write a p value to three decimals, ``< 0.001`` below, or a dash."""
    if value is not None and 0 <= value < 0.001:
        return "< 0.001"
    return format_number(value)


def count(number: int, noun: str) -> str:
    """
    Write a count with its noun in the right number.

    Examples
    --------
    >>> count(1, "unit"), count(3, "unit")
    ('1 unit', '3 units')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def number_cell(value: float | None, reason: str, digits: int = 3) -> Cell:
    """Give a number, or a dash and why."""
    return Cell(format_number(value, digits), None if is_known(value) else reason)


def text_cells(*values: str | int) -> tuple[Cell, ...]:
    """Give a cell for each text or count."""
    return tuple(Cell(str(value)) for value in values)


def text_cell(text: str | None, reason: str) -> Cell:
    """Give a text, or a dash and why."""
    return Cell(text) if text else Cell(DASH, reason)


def estimate_cell(mean: float | None, low: float | None, high: float | None, n_participants: int) -> Cell:
    """Give a mean above its interval; without either, a dash and why."""
    if not is_known(mean):
        return Cell(DASH, "the score could not be computed")
    missing = None
    if not (is_known(low) and is_known(high)):
        missing = (
            "no interval: it needs at least two participants" if n_participants < 2 else "no interval was computed"
        )
    return Cell(format_number(mean), missing, (format_interval(low, high),))
