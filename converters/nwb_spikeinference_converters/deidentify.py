"""
What may not leave the laboratory: dates, absolute clocks, paths, and ages over 89.

Nothing is copied from the headers of recorder files (comments, dates, patient numbers), so only the session's own
settings need care.
"""

import re

from nwb_spikeinference.session_config import EPOCH, SessionSettings

_OLDEST_AGE = 89  # HIPAA Safe Harbor, 45 CFR 164.514(b)(2)(i)(C)
_OVER = "P90Y/"
_YEARS = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_REMOVED = "[removed]"
_IDENTIFYING = re.compile(
    r"""\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ]\d{1,2}:\d{2}(?::\d{2})?\S*)?   # 2019-03-14, 2019/3/14 10:20
      | \d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}                                      # 14.3.2019, 03/14/19
      | \d{1,2}\.?\s(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?,?\s\d{2,4}
      | (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s\d{1,2}(?:st|nd|rd|th)?,?\s\d{4}
      | (?<![\w/])(?:~|\.{1,2})?/[\w.\-]+/[^\s,;]+                           # /data/patients/x
      | [a-z]:\\[^\s,;]+                                                     # C:\patients
      | \\\\[^\s,;]+""",
    re.IGNORECASE | re.VERBOSE,
)


def deidentify(settings: SessionSettings) -> SessionSettings:
    """
    Settings without what identifies a patient.

    The session starts on 1 January 2000, an age over 89 becomes ``P90Y/``, and dates and paths are removed from texts.
    """
    session = settings.session.model_copy(
        update={"start": EPOCH, "description": remove_identifying_text(settings.session.description)}
    )
    description = settings.subject.description
    subject = settings.subject.model_copy(
        update={
            "age": limit_age(settings.subject.age),
            "description": description if description is None else remove_identifying_text(description),
        }
    )
    return settings.model_copy(update={"session": session, "subject": subject})


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
    Replace dates and paths in free text.

    Examples
    --------
    >>> remove_identifying_text("recorded 2019-03-14, see /data/patients/p07")
    'recorded [removed], see [removed]'
    """
    return _IDENTIFYING.sub(_REMOVED, text)
