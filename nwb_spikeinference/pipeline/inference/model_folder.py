"""
The folder of a trained model: plain arrays, settings as JSON, and a card for people.

Nothing in it can execute code. What is read is checked before it is used, and costs no more memory than the file has
bytes: members are neither compressed nor pickled, and nothing but the expected members is opened.
"""

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import numpy as np
from pydantic import Field, FiniteFloat

from nwb_spikeinference.bands import Band
from nwb_spikeinference.config import ModelSettings, SignalSettings, TargetSettings
from nwb_spikeinference.errors import InputError, SettingsError, describe
from nwb_spikeinference.files import replace_atomically, sha256_file, sha256_json, write_json, write_text
from nwb_spikeinference.inputs import HEADS
from nwb_spikeinference.recordings import FloatArray
from nwb_spikeinference.regions import Hemisphere
from nwb_spikeinference.settings import MAX_BYTES, Settings, parse_settings

WEIGHTS_FILE, SETTINGS_FILE, CARD_FILE = "weights.npz", "settings.json", "card.md"
FORMAT: Literal["nwb-spikeinference model"] = "nwb-spikeinference model"
FORMAT_VERSION: Literal[1] = 1
_MAX_WEIGHTS_BYTES = 1 << 30  # those of the default network have half a megabyte
_MAX_HEADER_BYTES = 10_000  # of one array; a few hundred are usual
_DIGEST_DIGITS = 12


class TrainedPlace(Settings):
    """Where units of the training were."""

    region: str | None
    hemisphere: Hemisphere | None
    n_units: int = Field(ge=1)

    @property
    def text(self) -> str:
        """Side and region, e.g. ``left hippocampus``."""
        return " ".join(word for word in (self.hemisphere, self.region or "unknown region") if word)


class BandEdges(Settings):
    """One frequency band."""

    name: str
    low_hz: FiniteFloat
    high_hz: FiniteFloat


class SavedSettings(Settings):
    """
    All of ``settings.json``: what a recording must be turned into, and where the model comes from.

    Attributes
    ----------
    lfp_rate_hz : float
        Rate of the LFP that features are made of.
    samples_per_bin : int
        Of the LFP, for a model that reads the trace itself; 0 for a model of features.
    features : tuple of str
        Columns in the model's order; none of a model that reads the trace itself.
    intercepts : dict
        Head -> mean over training units of the log-odds of a spike in a bin: a typical neuron's rate.
    n_units : dict
        Head -> training units.
    training_participants : tuple of str
        See `hash_participant`.
    """

    format: Literal["nwb-spikeinference model"]
    format_version: Literal[1]
    study: str
    model: ModelSettings
    signal: SignalSettings
    target: TargetSettings
    lfp_rate_hz: FiniteFloat = Field(ge=50, le=10_000)
    samples_per_bin: int = Field(ge=0, le=1000)
    features: tuple[str, ...] = Field(max_length=1000)
    bands: tuple[BandEdges, ...] = Field(min_length=1, max_length=200)
    heads: tuple[str, ...]
    intercepts: dict[str, FiniteFloat]
    n_units: dict[str, int]
    trained_at: tuple[TrainedPlace, ...]
    training_participants: tuple[str, ...]
    versions: dict[str, str]
    weights_sha256: str

    def band_list(self) -> tuple[Band, ...]:
        """The bands, checked."""
        return tuple(Band(name=one.name, low_hz=one.low_hz, high_hz=one.high_hz) for one in self.bands)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedModel:
    """What a model's folder holds."""

    folder: Path
    settings: SavedSettings
    weights: tuple[FloatArray, ...]  # in the model's order


def hash_participant(study: str, participant: str) -> str:
    """What a model's folder knows of a participant: enough to find out whether somebody was among them."""
    return sha256_json([study, participant])[:_DIGEST_DIGITS]


def pack_weights(weights: Sequence[FloatArray]) -> bytes:
    """Arrays as the content of an uncompressed ``.npz`` file."""
    buffer = io.BytesIO()
    np.savez(buffer, **{_entry(k): np.ascontiguousarray(value, np.float32) for k, value in enumerate(weights)})  # type: ignore[arg-type]
    return buffer.getvalue()


def write_model_folder(folder: Path, settings: SavedSettings, packed: bytes, card: str) -> None:
    """
    Write all three files; the settings come after the weights whose digest they name.

    Raises
    ------
    ResourceError
        If the folder cannot be written to.
    """
    with replace_atomically(folder / WEIGHTS_FILE) as temporary:
        temporary.write_bytes(packed)
    write_json(folder / SETTINGS_FILE, settings.model_dump(mode="json"))
    write_text(folder / CARD_FILE, card)


def read_model_folder(folder: Path) -> SavedModel:
    """
    Read settings and weights.

    Raises
    ------
    InputError
        If it is no such folder, or is damaged or changed.
    """
    folder = Path(folder)
    _require_folder(folder)
    settings = _read_settings(folder / SETTINGS_FILE)
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        raise InputError(f"{path}: is missing; copy the whole model folder again")
    if path.stat().st_size > _MAX_WEIGHTS_BYTES:
        raise InputError(f"{path}: is larger than {_MAX_WEIGHTS_BYTES >> 20} MiB, which no model's weights are")
    if sha256_file(path) != settings.weights_sha256:
        raise InputError(f"{path}: is not the file that {SETTINGS_FILE} names (its sha256 differs); copy both again")
    return SavedModel(folder=folder, settings=settings, weights=_read_weights(path))


def _require_folder(folder: Path) -> None:
    as_written = f"a model is the folder that 'nsi run' writes, with {SETTINGS_FILE} and {WEIGHTS_FILE}"
    if folder.is_file():
        raise InputError(f"{folder}: is a file, and no such file is opened, since it could hold code; {as_written}")
    if not folder.exists():
        raise InputError(f"{folder}: no such folder; {as_written}")
    if not (folder / SETTINGS_FILE).is_file():
        inside = folder / "model"
        hint = f"did you mean {inside}?" if (inside / SETTINGS_FILE).is_file() else as_written
        raise InputError(f"{folder}: holds no {SETTINGS_FILE}; {hint}")


def _read_settings(path: Path) -> SavedSettings:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES} bytes, which no model's settings are")
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read ({describe(error)}); copy the model folder again") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path}: is not the settings of a model (format {FORMAT!r}); train one with 'nsi run'")
    if content.get("format_version") != FORMAT_VERSION:
        raise InputError(
            f"{path}: has format version {str(content.get('format_version'))[:20]!r}, this program reads "
            f"{FORMAT_VERSION}; install the version that wrote it or train again"
        )
    try:
        settings = parse_settings(content, SavedSettings, str(path))
        settings.band_list()
    except SettingsError as error:
        raise InputError(f"{error}; copy the model folder again") from error
    if settings.heads != HEADS or any(set(one) != set(HEADS) for one in (settings.intercepts, settings.n_units)):
        raise InputError(f"{path}: heads, intercepts and n_units must name {', '.join(HEADS)}; copy it again")
    return settings


def _read_weights(path: Path) -> tuple[FloatArray, ...]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            expected = [f"{_entry(k)}.npy" for k in range(len(members))]
            if not members or [one.filename for one in members] != expected:
                named = next((one.filename for one in members if one.filename not in expected), "none")
                raise InputError(f"{path}: holds {named[:60]!r} where {_entry(0)}.npy and so on are expected")
            if any(one.compress_type != zipfile.ZIP_STORED or one.flag_bits & 1 for one in members):
                raise InputError(f"{path}: is compressed or encrypted, which no model's weights are")
            if sum(one.file_size for one in members) > path.stat().st_size:
                raise InputError(f"{path}: claims more than its {path.stat().st_size} bytes")
            arrays = []
            for member in members:
                with archive.open(member) as stream:
                    arrays.append(_read_array(path, stream, member))
    except (OSError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: is damaged ({describe(error)}); copy the model folder again") from error
    return tuple(arrays)


def _read_array(path: Path, stream: IO[bytes], member: zipfile.ZipInfo) -> FloatArray:
    """One array, once its header promises no more than is there; of Python objects nothing is ever unpickled."""
    if np.lib.format.read_magic(stream) != (1, 0):
        raise InputError(f"{path}: {member.filename} is no plain array")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream, max_header_size=_MAX_HEADER_BYTES)
    if dtype != np.dtype("<f4") or fortran:
        raise InputError(f"{path}: {member.filename} holds {dtype}, where plain float32 is expected")
    data = stream.read()
    n_bytes = 4
    for length in shape:
        n_bytes *= length
    if len(data) != n_bytes:
        raise InputError(f"{path}: {member.filename} claims shape {shape} but holds {len(data)} bytes")
    array = np.frombuffer(data, np.float32).reshape(shape)
    if not np.isfinite(array).all():
        raise InputError(f"{path}: {member.filename} holds NaN or infinite weights; train the model again")
    return array


def _entry(number: int) -> str:
    return f"weight_{number}"
