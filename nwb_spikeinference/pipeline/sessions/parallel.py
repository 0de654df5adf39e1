"""
Work on independent arrays in a few threads: numpy and scipy compute outside Python's lock.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

MAX_THREADS = 4  # each holds the blocks that it works on
T = TypeVar("T")


def in_threads(work: Callable[..., T], *arguments: Iterable[Any]) -> list[T]:
    """As ``list(map(work, *arguments))``; an error of any call is raised."""
    with ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as pool:
        return list(pool.map(work, *arguments))
