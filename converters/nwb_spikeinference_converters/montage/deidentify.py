"""
De-identification: dates, absolute clocks, paths and ages over 89 do not leave the laboratory.

Nothing is copied from the headers of recorder files (comments, dates, patient numbers, labels of channels), so only
the session's own settings, what sorters say of units, and the comments among the events (`session_events`) need care.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.nwb.raw.raw_records import VoltageSource
from nwb_spikeinference.recordings import Unit
from nwb_spikeinference.session_config import EPOCH, SessionSettings
from nwb_spikeinference.settings import SettingsType
from nwb_spikeinference_converters.protocol import RawChannel

_OLDEST_AGE = 89  # HIPAA Safe Harbor, 45 CFR 164.514(b)(2)(i)(C)
_OVER = "P90Y/"
_YEARS = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
REMOVED = "[removed]"
_PATIENT_NUMBER = re.compile(r"\d{6,}")
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
_COMPACT_DATE = r"(?<!\d)(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)"
_DATE_IN_NAME = re.compile(  # 20190314, 2019-03-14; 14-03-2019, 03142019; 14Mar2019
    rf"""{_COMPACT_DATE}
      | (?<!\d)(?:19|20)\d\d-\d\d?-\d\d?(?!\d)
      | (?<!\d)(?:0[1-9]|[12]\d|3[01])-?(?:0[1-9]|[12]\d|3[01])-?(?:19|20)\d\d(?!\d)
      | (?<!\d)\d\d?-?{_MONTH}-?(?:19|20)?\d\d(?!\d)
      | (?:19|20)\d\d-?{_MONTH}""",
    re.IGNORECASE | re.VERBOSE,
)
_IDENTIFYING = re.compile(
    rf"""\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}(?:[T\ ]\d{{1,2}}:\d{{2}}(?::\d{{2}})?\S*)?   # 2019-03-14, 2019/3/14 10:20
      | \d{{1,2}}[-/.]\d{{1,2}}[-/.]\d{{2,4}}                                      # 14.3.2019, 03/14/19
      | {_COMPACT_DATE}
      | \b\d{{1,2}}\.?\s{_MONTH}\.?,?\s\d{{2,4}}                                   # 14 March 2019
      | \b{_MONTH}\.?\s(?:\d{{1,2}}(?:st|nd|rd|th)?,?\s)?\d{{4}}                   # March 14, 2019; March 2019
      | \b(?:mrn|patient|hospital|case)\s*(?:id|no\.?|nr\.?|number)?\s*[:\#]?\s*\d[\d\-/]{{4,}}
      | [\w.+\-]+@[\w\-]+\.[\w.\-]+
      | (?<![\w/])(?:~|\.{{1,2}})?/[\w.\-]+/(?:[\w.\-]+(?:\ [\w.\-]+)?/)*[^\s,;]+   # /data/Jane Doe/x
      | \b[a-z]:\\(?:[^\\\n,;"']+\\)*(?:[^\\\n,;"'.]+\.\w{{2,5}}\b|[^\s,;]+)        # C:\My patients\Jane Doe.ns6
      | \\\\(?:[^\\\n,;"']+\\)*[^\s,;]+""",
    re.IGNORECASE | re.VERBOSE,
)


def deidentify(settings: SessionSettings) -> SessionSettings:
    """
    Settings without what identifies a patient.

    The session starts on 1 January 2000, an age over 89 becomes ``P90Y/``, and dates, paths and patient numbers are
    removed from every text that a file would hold. Texts of comments stay: they are compared with the recorder's.

    Raises
    ------
    SettingsError
        If the name of the subject, the session, a recorder or a bundle holds a date or a hospital's number. The first
        two are also that of the file.
    """
    _require_anonymous_name("session.session_id", settings.session.session_id, "e.g. baseline or day2")
    _require_anonymous_name("subject.subject_id", settings.subject.subject_id, "a code such as P07")
    if _PATIENT_NUMBER.fullmatch(settings.subject.subject_id):
        raise SettingsError(
            f"subject.subject_id {settings.subject.subject_id!r} looks like a hospital's number; use a code such as "
            f"P07, or write 'deidentify: false'"
        )
    for row, device in enumerate(settings.devices):
        _require_anonymous_name(f"devices[{row}].name", device.name, "e.g. NSP1")
    for row, bundle in enumerate(settings.bundles):
        _require_anonymous_name(f"bundles[{row}].label", bundle.label, "e.g. LHIP")
    return settings.model_copy(
        update={
            "subject": _clean(settings.subject, "description", age=limit_age(settings.subject.age)),
            "session": _clean(settings.session, "description", "experimenter", "institution", "lab", start=EPOCH),
            "devices": tuple(_clean(device, "model", "manufacturer") for device in settings.devices),
            "electrodes": tuple(_clean(contact, "label") for contact in settings.electrodes),
            "events": tuple(_clean(entry, "meanings") for entry in settings.events),
        }
    )


def deidentify_unit(unit: Unit) -> Unit:
    """A unit without identifying texts in the names of its sorter, labels and measures, whoever wrote them."""
    return replace(
        unit, sorter=_clean_value(unit.sorter), label=_clean_value(unit.label), quality=_clean_value(unit.quality)
    )


def deidentify_analog(source: VoltageSource, channels: Sequence[RawChannel]) -> VoltageSource:
    """Analog inputs by their numbers: labels are free text that somebody typed at the recorder."""
    return replace(source, labels=tuple(f"channel {channel.number}" for channel in channels))


def _clean(settings: SettingsType, *names: str, **others: Any) -> SettingsType:
    """Settings without identifying texts under some names, and with other values under others."""
    return settings.model_copy(update={name: _clean_value(getattr(settings, name)) for name in names} | others)


def _clean_value(value: Any) -> Any:
    """A value without identifying texts, however deep they lie."""
    if isinstance(value, str):
        return remove_identifying_text(value)
    if isinstance(value, tuple):
        return tuple(map(_clean_value, value))
    if isinstance(value, Mapping):
        return {_clean_value(key): _clean_value(item) for key, item in value.items()}
    return value


def _require_anonymous_name(key: str, name: str, example: str) -> None:
    match = _DATE_IN_NAME.search(name) or _IDENTIFYING.search(name)
    if match:
        raise SettingsError(
            f"{key} {name!r} holds a date or number ({match[0]}) that may identify the patient; name it otherwise, "
            f"{example}, or write 'deidentify: false'"
        )


def limit_age(age: str | None) -> str | None:
    """
    An ISO 8601 age, or ``P90Y/`` if it is over 89 years.

    Examples
    --------
    >>> limit_age("P34Y"), limit_age("P90Y"), limit_age("P1100M")
    ('P34Y', 'P90Y/', 'P90Y/')
    """
    if age is None:
        return None
    years = sum(float(number) * _YEARS[unit] for number, unit in re.findall(r"([\d.]+)([YMWD])", age))
    return _OVER if years > _OLDEST_AGE else age


def remove_identifying_text(text: str) -> str:
    """
    Replace dates, paths, addresses and patient numbers in free text.

    Examples
    --------
    >>> remove_identifying_text("recorded 2019-03-14, see /data/patients/p07")
    'recorded [removed], see [removed]'
    """
    return _IDENTIFYING.sub(REMOVED, text)
