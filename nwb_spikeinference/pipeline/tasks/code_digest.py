"""
Digests of the code that does a task, so that results of other code are never mixed in, and nothing else is repeated.

The code of a task is the module that does it and all that this imports inside the package, found from the imports: a
changed report, flag or verdict repeats no training, a changed model repeats trainings but no features.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

import nwb_spikeinference

_ROOT = Path(nwb_spikeinference.__file__).parents[1]
_TASKS = "nwb_spikeinference.pipeline"
TASK_MODULES = {  # kind of task -> module that does it
    "features": f"{_TASKS}.sessions.prepare_session",
    "fit": f"{_TASKS}.fits.run_fit",
    "model": f"{_TASKS}.fits.final_fit",
}
_DECIDE_NUMBERS = {  # imported name -> what is installed; Keras runs on TensorFlow
    "keras": ("keras", "tensorflow"),
    "numpy": ("numpy",),
    "scipy": ("scipy",),
    "sklearn": ("scikit-learn",),
}


@cache
def task_code(kind: str) -> str:
    """Digest of the code of a kind of task, as it is installed here."""
    return code_digest(TASK_MODULES[kind])


def code_digest(module: str, root: Path = _ROOT) -> str:
    """
    Digest of a module's code.

    Parameters
    ----------
    module : str
        Dotted name.
    root : Path
        Folder that its package lies in.

    Returns
    -------
    str
        12 hex digits of the sources of the module and of all that it imports inside its package, and of the versions
        (major and minor) of the imported libraries that decide numbers.
    """
    sources, libraries = _follow(module, root)
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    for name in sorted(program for library in libraries for program in _DECIDE_NUMBERS[library]):
        digest.update(f"{name} {'.'.join(version(name).split('.')[:2])}\0".encode())
    return digest.hexdigest()[:12]


def _follow(module: str, root: Path) -> tuple[set[Path], set[str]]:
    """Sources that importing a module runs, and the libraries among `_DECIDE_NUMBERS` that these import."""
    package = module.partition(".")[0]
    sources: set[Path] = set()
    libraries: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name.partition(".")[0] != package:
            libraries |= {name.partition(".")[0]} & _DECIDE_NUMBERS.keys()
            continue
        found = {path for path in _sources_of(name, root) if path not in sources}
        sources |= found
        waiting += [imported for path in found for imported in _imports(path)]
    return sources, libraries


def _sources_of(name: str, root: Path) -> Iterator[Path]:
    """A module's file and its packages'; not the outermost package, which holds names and the version alone."""
    parts = name.split(".")
    for n_parts in range(2, len(parts) + 1):
        base = root.joinpath(*parts[:n_parts])
        yield from (path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file())


def _imports(path: Path) -> Iterator[str]:
    """Full names of what a file imports, anywhere in it; a name of a module's may be a module too."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
