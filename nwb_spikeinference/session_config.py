"""
The settings of ``session.yaml``: what one recording session consists of.

Paths are relative to the file. Wherever a list of rows stands, the name of a CSV file may stand instead; the converters
read it before these classes check it.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from nwb_spikeinference.regions import Hemisphere, parse_hemisphere
from nwb_spikeinference.settings import Settings

ElectrodeType = Literal["micro", "macro", "reference"]
TimeUnit = Literal["s", "ms", "us", "sample"]
# recorder: its own time stamps; session: from the first sample of the recording that has the unit's channel, pauses
# counted; recorded: likewise, pauses left out
UnitsClock = Literal["recorder", "session", "recorded"]
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # start of every de-identified session
Channel = Annotated[int, Field(ge=0)]  # the recorder's number of it
_AGE = re.compile(r"P(?:\d+(?:\.\d+)?[YMWD])+/?|P90Y/")


class SubjectSettings(Settings):
    """The patient, as DANDI asks for it."""

    subject_id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9\-]*$", max_length=64)
    species: str = "Homo sapiens"
    age: str | None = None
    sex: Literal["F", "M", "O", "U"] = "U"
    description: str | None = None

    @field_validator("age")
    @classmethod
    def _check_age(cls, value: str | None) -> str | None:
        if value is not None and not _AGE.fullmatch(value):
            raise ValueError(f"age must be an ISO 8601 duration such as P34Y, got {value!r}")
        return value


class SessionInfo(Settings):
    """Name, start and people of the session."""

    session_id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9\-]*$", max_length=64)
    start: datetime = EPOCH
    description: str = "Behnke-Fried microwire recording with sorted units"
    experimenter: tuple[str, ...] = ()
    institution: str | None = None
    lab: str | None = None

    @field_validator("start", mode="before")
    @classmethod
    def _refuse_number(cls, value: Any) -> Any:
        if isinstance(value, int | float) or str(value).isdigit():  # would count as seconds since 1970
            raise ValueError(f"start must be a date and time, e.g. 2000-01-01T00:00:00+00:00, got {value!r}")
        return value

    @field_validator("start")
    @classmethod
    def _check_zone(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError("start needs a time zone, e.g. 2000-01-01T00:00:00+00:00")
        return value


class DeviceSettings(Settings):
    """A recorder."""

    name: str = Field(pattern=r"^[^/:]+$")  # it names an object in the file
    model: str = "unknown"
    manufacturer: str = "unknown"


class RecordingSettings(Settings):
    """One raw file or folder."""

    format: str
    file: str
    nsp: str | None = None  # name of a device above
    electrode_type: ElectrodeType = "micro"
    role: Literal["electrodes", "analog"] = "electrodes"
    stream: str | None = None  # where a file holds several: the recorder's name of the one that is meant
    reader: str | None = None  # for format neo: neo's class, e.g. TdtRawIO, where the file's name does not tell


class SyncSettings(Settings):
    """
    The channel of one recorder that sees the pulses which all recorders share.

    The first recorder listed keeps its clock, the others are brought onto it.
    """

    nsp: str
    file: str  # one of the recordings
    channel: int


class EventSettings(Settings):
    """One file of digital events and comments."""

    format: str
    file: str
    nsp: str | None = None
    meanings: dict[int, str] = {}  # of values on the digital input
    comments: dict[str, str] = {}  # text of a comment -> what it means; others lose their text when de-identified


class BundleSettings(Settings):
    """One Behnke-Fried electrode: eight microwires and their reference, and the macro contacts along the shaft."""

    label: str = Field(min_length=1)
    region: str = Field(min_length=1)
    hemisphere: Hemisphere
    channels: tuple[Channel, ...] = ()  # of the microwires, in the order of the wires
    reference: int | None = None  # number of the wire
    nsp: str | None = None  # where two recorders number their channels alike
    macro_channels: tuple[Channel, ...] = ()  # from the tip
    macro_nsp: str | None = None  # where another recorder has the macro contacts

    @field_validator("hemisphere", mode="before")
    @classmethod
    def _read_side(cls, value: Any) -> Any:
        return parse_hemisphere(value) or value if isinstance(value, str) else value

    @model_validator(mode="after")
    def _require_contacts(self) -> "BundleSettings":
        if not self.channels and not self.macro_channels:
            raise ValueError(f"bundle {self.label!r} has no contacts; list 'channels', 'macro_channels' or both")
        return self


class ElectrodeSettings(Settings):
    """What is known of one contact."""

    label: str
    wire: int
    channel: Channel
    nsp: str | None = None  # where two recorders number their channels alike
    x: float | None = None
    y: float | None = None
    z: float | None = None

    @model_validator(mode="after")
    def _require_whole_place(self) -> "ElectrodeSettings":
        given = [name for name in "xyz" if getattr(self, name) is not None]
        if given and len(given) < 3:
            raise ValueError(f"contact {self.label!r} has {', '.join(given)} only; give x, y and z, or none of them")
        return self


class UnitsSettings(Settings):
    """One file of sorted units."""

    format: str
    file: str
    channel: int | None = None  # where the format does not say
    nsp: str | None = None  # where two recorders number their channels alike
    channels: tuple[int, ...] | None = None  # recorder's channel of each row of the file that was sorted
    rate_hz: float | None = Field(None, gt=0)  # samples per second, where times are sample numbers
    time_unit: TimeUnit | None = None  # where it is not what the format says
    clock: UnitsClock | None = None  # likewise
    offset_s: float = 0.0  # added to every spike time: sorter's zero -> zero of `clock`
    labels: tuple[str, ...] | None = None  # sorter's labels that are kept; all but noise where it is left out
    sorter: str | None = None


class ClipSettings(Settings):
    """The stretch of the recording that is kept."""

    start_s: float = Field(0, ge=0)
    stop_s: float | None = None

    @model_validator(mode="after")
    def _check_order(self) -> "ClipSettings":
        if self.stop_s is not None and self.stop_s <= self.start_s:
            raise ValueError(f"clip must end after it starts, got {self.start_s:g} to {self.stop_s:g} s")
        return self


class SessionSettings(Settings):
    """All of ``session.yaml``."""

    subject: SubjectSettings
    session: SessionInfo
    devices: tuple[DeviceSettings, ...] = ()
    recordings: tuple[RecordingSettings, ...] = Field(min_length=1)
    sync: tuple[SyncSettings, ...] = ()
    events: tuple[EventSettings, ...] = ()
    bundles: tuple[BundleSettings, ...] = ()
    electrodes: tuple[ElectrodeSettings, ...] = ()
    units: tuple[UnitsSettings, ...] = ()
    regions: dict[str, str] = {}  # the lab's spellings: written form -> region
    clip: ClipSettings = ClipSettings()
    write_lfp: bool = True  # 1 kHz LFP beside the raw signal
    deidentify: bool = True
