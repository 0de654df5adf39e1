"""Settings files: what is read, and what each refusal says."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nwb_spikeinference.bands import Band, default_bands
from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.errors import InputError, SettingsError
from nwb_spikeinference.settings import MAX_BYTES, load_settings, read_yaml

Read = Callable[[str], StudySettings]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a study of these lines; `sessions` is given."""

    def read_text(text: str) -> StudySettings:
        path = tmp_path / "study.yaml"
        path.write_text(f"sessions: [a.nwb]\n{text}\n", encoding="utf-8")
        return load_settings(path, StudySettings)

    return read_text


def test_only_sessions_must_be_given(read: Read) -> None:
    assert read("") == StudySettings(sessions=("a.nwb",))


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("\ufeffsessions: [a.nwb]\n", encoding="utf-8")
    assert load_settings(path, StudySettings).sessions == ("a.nwb",)


def test_settings_are_frozen(read: Read) -> None:
    with pytest.raises(ValueError, match="frozen"):
        read("").seed = 3  # type: ignore[misc]


@pytest.mark.parametrize("word", ["off", "false", "no", "'off'"])
def test_yaml_false_means_off(read: Read, word: str) -> None:
    settings = read(f"lobo: {{mode: {word}}}\nwrite_back: {{mode: {word}}}")
    assert (settings.lobo.mode, settings.write_back.mode) == ("off", "off")


def test_default_bands_follow_the_mains(read: Read) -> None:
    assert read("signal: {line_hz: 50}").band_list() == default_bands(50)


def test_own_bands_are_taken(read: Read) -> None:
    assert read("bands: {gamma: [30, 55]}").band_list() == (Band(name="gamma", low_hz=30, high_hz=55),)


REFUSALS = {
    # unknown keys
    "sede: 3": "unknown key 'sede'; did you mean 'seed'?",
    "Seed: 3": "unknown key 'Seed'; did you mean 'seed'?",
    "signal: {line: 50}": "unknown key 'signal.line'; did you mean 'line_hz'?",
    "signal: {Rate_hz: 50}": "unknown key 'signal.Rate_hz'; did you mean 'rate_hz'?",
    "validation: {within: {embargo: 1}}": "unknown key 'validation.within.embargo'; did you mean 'embargo_s'?",
    "target: {xyz: 1}": "unknown key 'target.xyz'; known keys: bin_ms",
    # wrong types and values
    "signal: {rate_hz: fast}": "signal.rate_hz: input should be a valid number, .* found 'fast'",
    "signal: {rate_hz: 100}": "signal.rate_hz: input should be greater than or equal to 250, found 100",
    "signal: {line_hz: 55}": "signal.line_hz: input should be 50 or 60, found 55",
    "seed: [1]": r"seed: input should be a valid integer, found \[1\]",
    "seed: -1": "seed: input should be greater than or equal to 0, found -1",
    "name: 3": "name: input should be a valid string, found 3",
    "baselines: [rate, svm]": r"baselines\[1\]: input should be 'rate', .* found 'svm'",
    "participants: {alias: {P07b: [3]}}": r"participants.alias.P07b: input should be a valid string, found \[3\]",
    "model: []": r"model: must hold 'key: value' lines \(keys: .*learning_rate.*\), found \[\]",
    "target: {bin_ms: 2.5}": "bin_ms must be a whole number of milliseconds, got 2.5",
    "write_back: {mode: true}": "write_back.mode: input should be 'copy', 'in-place' or 'off', found True",
    "transfer: {train: {hemisphere: left}}": "key 'transfer.train.region' is missing",
    # bands
    "bands: defalt": "bands: input should be 'default', found 'defalt'",  # codespell:ignore
    "bands: {}": "bands: name at least one band, or write 'default'",
    "bands: {theta: [8, 4]}": "bands: band 'theta' must have 0 < low < high, got 8-4 Hz",
    "bands: {theta: [4, x]}": r"bands.theta\[1\]: input should be a valid number, .* found 'x'",
    "bands: {Theta: [4]}": r"key 'bands.Theta\[1\]' is missing",
    "bands: {theta: [-4, 8]}": r"bands.theta\[0\]: input should be greater than 0, found -4",
    # keys
    "3: x": r"keys should be strings, found 3",
    "seed: 1\nseed: 2": r"not valid YAML: key 'seed' stands twice \(line 3\)",
    "signal: {line_hz: 50, line_hz: 60}": "key 'line_hz' stands twice",
    "? [a, b]\n: 3": r"a list or mapping stands as a key \(line 2\)",
    # what YAML can hold beyond plain values
    "name: !!python/object/apply:os.system ['true']": "could not determine a constructor for the tag .*os.system",
    "name: !!python/name:os.system": "not valid YAML: could not determine a constructor for the tag",
    "name: !own x": "not valid YAML: could not determine a constructor for the tag '!own'",
    "name: 2001-99-99": r"'2001-99-99' is no valid timestamp \(line 2\); quote it if it is text",
    "seed: !!int abc": "'abc' is no valid int",
    "seed: !!float abc": "'abc' is no valid float",
    "seed: !!bool abc": "'abc' is no valid bool",
    "name: !!timestamp abc": "'abc' is no valid timestamp",
    "name: &a [*a]": r"name: input should be a valid string, found \[\[",
    "---\nseed: 1": "not valid YAML: expected a single document",
    "\tseed: 1": r"not valid YAML: .*'\\t'",
    "name: a\0b": "not valid YAML: unacceptable character",
    "name: " + "[" * 20_000: "not valid YAML: ",
}


@pytest.mark.parametrize(("text", "message"), REFUSALS.items(), ids=[text[:40] for text in REFUSALS])
def test_f46_refused_with_the_keys_path(read: Read, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as refusal:
        read(text)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 1000


def test_f46_a_python_tag_executes_nothing(read: Read, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="could not determine a constructor"):
        read(f"name: !!python/object/apply:os.mkdir ['{tmp_path / 'made'}']")
    assert not (tmp_path / "made").exists()


def alias_bomb(levels: int, aliases: int) -> str:
    lines = ["a0: &a0 [x, x]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * aliases)}]")
    return "\n".join([*lines, f"name: *a{levels - 1}"])


def test_f46_many_aliases_are_refused(read: Read) -> None:
    with pytest.raises(SettingsError, match=r"more than 100 aliases"):
        read(alias_bomb(levels=12, aliases=10))


def test_f46_few_aliases_that_multiply_are_refused_without_being_written_out(read: Read) -> None:
    with pytest.raises(SettingsError, match=r"name: input should be a valid string, found \[\[\["):
        read(alias_bomb(levels=10, aliases=10))


@pytest.mark.parametrize(("text", "found"), [("", "NoneType"), ("[1, 2]", "list"), ("word", "str")])
def test_f46_a_file_without_keys_is_refused(tmp_path: Path, text: str, found: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=f"must hold 'key: value' lines, found {found}"):
        read_yaml(path)


def test_f46_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(SettingsError, match=f"larger than {MAX_BYTES} bytes"):
        read_yaml(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"study.yaml: no such file; 'nsi init DIR'"):
        read_yaml(tmp_path / "study.yaml")


def test_a_folder_is_no_settings_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is a folder; name the \.yaml file"):
        read_yaml(tmp_path)


def test_bytes_that_are_no_utf8_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_bytes(b"name: \xff\xfe\n")
    with pytest.raises(InputError, match=r"study.yaml: cannot be read .*utf-8"):
        read_yaml(path)
