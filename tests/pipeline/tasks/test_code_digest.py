"""Which changes of code make a task to be done again."""

import shutil
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

import nwb_spikeinference
from nwb_spikeinference.pipeline import study
from nwb_spikeinference.pipeline.sessions import choose_sessions
from nwb_spikeinference.pipeline.tasks.code_digest import TASK_MODULES, code_digest

FILES = {
    "__init__.py": "",
    "start.py": "from zoo.near import thing\n\ndef later():\n    import zoo.inside.late\n",
    "near.py": "thing = 1\n",
    "apart.py": "",
    "inside/__init__.py": "",
    "inside/late.py": "import numpy\n",
}


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """A small package, in its folder."""
    for name, text in FILES.items():
        (tmp_path / "zoo" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "zoo" / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("start.py", True),
        ("near.py", True),
        ("inside/late.py", True),
        ("inside/__init__.py", True),
        ("apart.py", False),
        ("__init__.py", False),
    ],
    ids=["itself", "imported", "imported inside a function", "package of an import", "not imported", "outermost"],
)
def test_what_a_module_imports_counts_and_nothing_else(zoo: Path, name: str, counts: bool) -> None:
    before = code_digest("zoo.start", zoo)
    (zoo / "zoo" / name).write_text(FILES[name] + "# changed\n")
    assert (code_digest("zoo.start", zoo) != before) == counts


def test_a_file_of_a_new_folder_counts_once_it_is_imported(zoo: Path) -> None:
    (zoo / "zoo" / "fresh").mkdir()
    (zoo / "zoo" / "near.py").write_text("from zoo.fresh import leaf\n")
    digests = [code_digest("zoo.start", zoo)]
    for text in ("", "x = 1\n"):
        (zoo / "zoo" / "fresh" / "leaf.py").write_text(text)
        digests.append(code_digest("zoo.start", zoo))
    assert len(set(digests)) == 3


def test_the_version_of_an_imported_library_counts_and_that_of_another_does_not(
    zoo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = {"numpy": "2.1.0", "scipy": "1.1.0"}
    monkeypatch.setattr("nwb_spikeinference.pipeline.tasks.code_digest.version", installed.__getitem__)
    before = code_digest("zoo.start", zoo)
    installed["scipy"] = "1.2.0"
    installed["numpy"] = "2.1.9"  # a patch decides no number
    assert code_digest("zoo.start", zoo) == before
    installed["numpy"] = "2.2.0"
    assert code_digest("zoo.start", zoo) != before


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's sources, in a folder of their own."""
    folder = tmp_path_factory.mktemp("copied")
    source = Path(nwb_spikeinference.__file__).parent
    shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def digests(root: Path) -> dict[str, str]:
    return {kind: code_digest(module, root) for kind, module in TASK_MODULES.items()}


@pytest.fixture
def changed_by(copied: Path) -> Iterator[Callable[[str], set[str]]]:
    """Kinds of tasks that a change in a file of the package makes to be done again."""
    originals: dict[Path, bytes] = {}

    def change(name: str) -> set[str]:
        before, path = digests(copied), copied / "nwb_spikeinference" / name
        originals[path] = path.read_bytes()
        path.write_bytes(originals[path] + b"# changed\n")
        return {kind for kind, digest in digests(copied).items() if digest != before[kind]}

    yield change
    for path, content in originals.items():
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("report/words.py", set()),
        ("pipeline/findings/flags_of_data.py", set()),
        ("evaluation/claims.py", set()),
        ("pipeline/write_back.py", set()),
        ("evaluation/metrics.py", {"fit"}),
        ("models/network.py", {"fit", "model"}),
        ("signal/features.py", {"features", "fit", "model"}),
    ],
)
def test_a_change_repeats_what_rests_on_it(changed_by: Callable[[str], set[str]], name: str, kinds: set[str]) -> None:
    assert changed_by(name) == kinds


@pytest.mark.parametrize(
    ("kind", "work"), [("features", "prepare_session"), ("fit", "run_fit"), ("model", "fit_final_model")]
)
def test_the_code_of_a_task_begins_at_the_function_that_a_study_runs(kind: str, work: str) -> None:
    caller = choose_sessions if kind == "features" else study
    assert getattr(caller, work) is getattr(import_module(TASK_MODULES[kind]), work)
    assert getattr(caller, work).__module__ == TASK_MODULES[kind]
