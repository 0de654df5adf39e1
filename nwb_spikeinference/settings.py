"""
Read a YAML settings file into frozen, checked settings.

Every refusal names the key by its path and suggests the nearest known one. Nothing in a settings file can execute code,
repeat a key silently, or blow up memory through aliases.
"""

import difflib
import reprlib
from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from nwb_spikeinference.errors import InputError, SettingsError, describe

MAX_BYTES = 2_000_000  # a montage of 10 000 contacts takes 1 MB
MAX_ALIASES = 100
_UNION_TAGS = ("literal[", "list[", "dict[", "tuple[", "function-")  # parts of pydantic's locations that are no keys


class Settings(BaseModel):
    """Base of all settings: frozen, and no key that is not declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


SettingsType = TypeVar("SettingsType", bound=Settings)


class _StrictLoader(yaml.SafeLoader):
    """The safe loader, without repeated keys and with few aliases."""

    aliases = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            self.aliases += 1
            if self.aliases > MAX_ALIASES:
                raise yaml.YAMLError(f"more than {MAX_ALIASES} aliases (*name)")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.YAMLError(f"a list or mapping stands as a key (line {key_node.start_mark.line + 1})")
            if key in seen:
                raise yaml.YAMLError(f"key {key!r} stands twice (line {key_node.start_mark.line + 1})")
            seen.add(key)
        return super().construct_mapping(node, deep=deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, KeyError, AttributeError) as error:  # what PyYAML lets through, e.g. of the date 2001-99-99
            kind = node.tag.rpartition(":")[2]
            raise yaml.YAMLError(
                f"{reprlib.repr(node.value)} is no valid {kind} (line {node.start_mark.line + 1}); "
                f"quote it if it is text"
            ) from error


def read_yaml(path: Path) -> dict[str, Any]:
    """
    Read one YAML mapping.

    Raises
    ------
    InputError
        If the file cannot be read.
    SettingsError
        If it is no YAML mapping, too large, or uses tags, repeated keys or too many aliases.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SettingsError(f"{path}: larger than {MAX_BYTES} bytes, which no settings file is")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; 'nsi init DIR' writes a commented example") from None
    except IsADirectoryError:
        inside = sorted(one.name for one in path.glob("*.yaml"))
        hint = f"did you mean {path / inside[0]}?" if inside else "name the .yaml file"
        raise InputError(f"{path}: is a folder; {hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    try:
        content = _StrictLoader(text).get_single_data()
    except (yaml.YAMLError, RecursionError) as error:
        raise SettingsError(f"{path}: not valid YAML: {describe(error, longest=None)}") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path}: must hold 'key: value' lines, found {type(content).__name__}")
    return content


def parse_settings(content: dict[str, Any], model: type[SettingsType], where: str) -> SettingsType:
    """
    Check a mapping against a settings class.

    Raises
    ------
    SettingsError
        Names the first offending key by its path; for an unknown key, the nearest known one.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise SettingsError(f"{where}: {_describe(error, model)}") from None


def _describe(error: ValidationError, model: type[BaseModel]) -> str:
    first = _most_telling(error.errors(include_url=False))
    location = [part for part in first["loc"] if not _is_union_tag(part)]
    key = _key_path(location)
    if first["type"] == "extra_forbidden":
        known = _known_keys(model, location[:-1])
        near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
        return f"unknown key {key!r}; {hint}"
    if first["type"] == "missing":
        return f"key {key!r} is missing"
    if first["type"] == "model_type":
        keys = ", ".join(_known_keys(model, location))
        return f"{key}: must hold 'key: value' lines (keys: {keys}), found {_short(first['input'])}"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] in ("value_error", "assertion_error"):
        return f"{key}: {message}" if key else message
    return f"{key}: {message[0].lower()}{message[1:]}, found {_short(first['input'])}"


def _short(value: Any) -> str:
    return reprlib.repr(value)[:60]  # bounded: aliases can make a small file describe a huge value


def _most_telling(errors: list[ErrorDetails]) -> ErrorDetails:
    """The first error; where a key allows alternatives, that of the one that fitted furthest."""
    first = errors[0]
    if not any(_is_union_tag(part) for part in first["loc"]):
        return first
    return max((error for error in errors if error["loc"][0] == first["loc"][0]), key=lambda error: len(error["loc"]))


def _is_union_tag(part: int | str) -> bool:
    return isinstance(part, str) and part.startswith(_UNION_TAGS)


def _key_path(location: list[int | str]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def _known_keys(model: type[BaseModel], location: list[int | str]) -> list[str]:
    """Keys that are allowed at a place inside nested settings."""
    current: type[BaseModel] = model
    for part in location:
        if isinstance(part, int) or part not in current.model_fields:
            continue
        inner = _settings_class(current.model_fields[part].annotation)
        if inner is None:
            return []
        current = inner
    return [field.alias or name for name, field in current.model_fields.items()]


def _settings_class(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _settings_class(argument)
        if found is not None:
            return found
    return None


def load_settings(path: Path, model: type[SettingsType]) -> SettingsType:
    """Read and check one settings file; see `read_yaml` and `parse_settings` for what is refused."""
    return parse_settings(read_yaml(path), model, str(path))
