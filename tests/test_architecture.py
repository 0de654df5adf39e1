"""The layers: who may import whom, and which folder owns which heavy package."""

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import nwb_spikeinference

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "nwb_spikeinference"
CONVERTERS = ROOT / "converters" / "nwb_spikeinference_converters"

BASE = "layer 0"
LAYER_1 = {"signal", "nwb", "models", "evaluation", "archive", "simulate"}
MAY_IMPORT: dict[str, set[str]] = {
    BASE: {BASE},
    **{folder: {BASE, folder} for folder in LAYER_1},
    "converters": {BASE, "signal", "nwb", "converters"},
    "report": {BASE, "report"},
    "pipeline": {BASE, *LAYER_1, "converters", "report", "pipeline"},
    "cli": {BASE, *LAYER_1, "converters", "report", "pipeline", "cli"},
}
# Along the way of the data: a folder imports those before it. The files of the part itself, "", are what all its
# folders share, or the commands that use them all.
ORDER: dict[str, tuple[str, ...]] = {
    "nwb": ("", "storage", "reading", "copies", "raw", "results"),
    "converters": ("", "timing", "blackrock", "neuralynx", "neo_readers", "units", "montage", "sessions"),
    "pipeline": ("tasks", "sessions", "fits", "findings", "inference", ""),
}
OWNERS: dict[str, set[str]] = {
    "keras": {"models"},
    "tensorflow": set(),  # only through Keras
    "tf_keras": set(),
    "sklearn": {"models", "evaluation"},
    "pynwb": {"nwb"},
    "hdmf": {"nwb"},
    "nwbinspector": {"nwb"},
    "h5py": {"nwb", "converters"},
    "matplotlib": {"report"},
    "jinja2": {"report"},
    "neo": {"converters"},
    "dandi": {"archive"},
    "remfile": {"archive"},
    "click": {"cli"},
    "rich": {"cli"},
}
LAYER_0_PACKAGES = {"numpy", "pydantic", "pydantic_core", "yaml", "nwb_spikeinference"}
HEAVY = ("tensorflow", "keras", "pynwb", "hdmf", "h5py", "matplotlib", "scipy", "sklearn", "neo", "dandi")

SOURCES = sorted([*PACKAGE.rglob("*.py"), *CONVERTERS.rglob("*.py")])


def folder_of(path: Path) -> str:
    """The part of the program that a source file belongs to."""
    if path.is_relative_to(CONVERTERS):
        return "converters"
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else BASE


@functools.cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Everything in a source file."""
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imported_modules(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that a file imports, anywhere in it."""
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.relative_to(ROOT)}:{node.lineno}: imports are absolute"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def part_of(module: str) -> str | None:
    """The part of the program that a module belongs to; None if it is somebody else's."""
    top, _, rest = module.partition(".")
    if top == "nwb_spikeinference_converters":
        return "converters"
    if top != "nwb_spikeinference":
        return None
    first = rest.split(".")[0]
    if first in nwb_spikeinference._EXPORTS:  # a public name: it counts as the module that it is loaded from
        return part_of(nwb_spikeinference._EXPORTS[first])
    return first if first in MAY_IMPORT else BASE


def test_every_folder_has_its_place_in_the_layers() -> None:
    assert {folder_of(path) for path in SOURCES} <= set(MAY_IMPORT)


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def test_imports_point_down_the_layers(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in SOURCES
        if folder_of(path) == folder
        for line, module in imported_modules(path)
        if (part := part_of(module)) is not None and part not in MAY_IMPORT[folder]
    ]
    assert not wrong


def inner_folder(part: str, below: tuple[str, ...]) -> str:
    """Folder of a part, given what stands after the part's name in a path or module; "" for the part itself."""
    return below[0] if below and below[0] in ORDER[part] else ""


@pytest.mark.parametrize("part", sorted(ORDER))
def test_folders_import_those_before_them(part: str) -> None:
    root = CONVERTERS if part == "converters" else PACKAGE / part
    package = "nwb_spikeinference_converters" if part == "converters" else f"nwb_spikeinference.{part}"
    place = {folder: number for number, folder in enumerate(ORDER[part])}
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in root.rglob("*.py")
        for line, module in imported_modules(path)
        if module.startswith(f"{package}.")
        and place[inner_folder(part, tuple(module.removeprefix(f"{package}.").split(".")))]
        > place[inner_folder(part, path.relative_to(root).parts[:-1])]
    ]
    assert not wrong


@pytest.mark.parametrize("part", sorted(ORDER))
def test_every_folder_of_a_part_has_its_place(part: str) -> None:
    root = CONVERTERS if part == "converters" else PACKAGE / part
    assert {path.parent.name for path in root.glob("*/__init__.py")} == set(ORDER[part]) - {""}


@pytest.mark.parametrize("package", sorted(OWNERS))
def test_heavy_packages_are_imported_by_their_owners_only(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in SOURCES
        for line, module in imported_modules(path)
        if module.split(".")[0] == package and folder_of(path) not in OWNERS[package]
    ]
    assert not wrong


def test_layer_0_imports_no_heavy_package() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in SOURCES
        if folder_of(path) == BASE
        for line, module in imported_modules(path)
        if (top := module.split(".")[0]) not in sys.stdlib_module_names and top not in LAYER_0_PACKAGES
    ]
    assert not wrong


def test_models_speak_to_keras_alone() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} uses {node.id}"
        for path in SOURCES
        if folder_of(path) == "models"
        for node in nodes_of(path)
        if isinstance(node, ast.Name) and node.id in {"tf", "tensorflow"}
    ]
    assert not wrong


def test_nothing_imports_scripts_or_tests() -> None:
    assert not [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in SOURCES
        for _, module in imported_modules(path)
        if module.split(".")[0] in {"scripts", "tests"}
    ]


def test_schemas_hold_no_code() -> None:
    assert not list((ROOT / "schemas").rglob("*.py"))


def test_nothing_but_the_simulator_knows_the_folder_of_the_truth() -> None:
    """A study that could read the simulator's truth would prove nothing."""
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} holds {node.value!r}"
        for path in SOURCES
        if folder_of(path) != "simulate"
        for node in nodes_of(path)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and (node.value == "truth" or "truth/" in node.value or "/truth" in node.value)
    ]
    assert not wrong


def test_nothing_but_the_simulator_reads_its_truth_by_name() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} uses .{node.attr}"
        for path in SOURCES
        if folder_of(path) != "simulate"
        for node in nodes_of(path)
        if isinstance(node, ast.Attribute) and node.attr in {"truth", "write_truth"}
    ]
    assert not wrong


def heavy_after(code: str) -> str:
    """Run code in a fresh interpreter; the heavy packages that it loaded."""
    report = f"import sys; print('loaded:', *sorted(set(sys.modules) & set({HEAVY!r})))"
    command = [sys.executable, "-c", f"import atexit\natexit.register(lambda: exec({report!r}))\n{code}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert heavy_after("import nwb_spikeinference") == "loaded:"


def test_reading_settings_loads_nothing_heavy() -> None:
    assert heavy_after("from nwb_spikeinference import StudySettings, SessionSettings, load_settings") == "loaded:"


def test_help_loads_nothing_heavy() -> None:
    code = "import sys\nfrom nwb_spikeinference.cli import main\nsys.argv = ['nsi', '--help']\nmain()"
    assert heavy_after(code) == "loaded:"


def test_the_package_exports_at_most_12_names() -> None:
    assert len(nwb_spikeinference.__all__) <= 12


def test_an_unknown_export_is_refused_with_the_known() -> None:
    with pytest.raises(AttributeError, match=r"has no attribute 'train'; it exports .*StudySettings"):
        nwb_spikeinference.train  # noqa: B018
