"""
Identity of participants: whether they are the people that their ids say they are.

Everything is grouped by participant, so one person under two ids would stand on both sides of a split, and two people
under one id would count as one. Nothing is merged or parted here: the reader is warned and told what to write.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from nwb_spikeinference.pipeline.sessions.prepared import PreparedSession
from nwb_spikeinference.records import FlagRecord

_SAME_POINTS = 2  # ends of electrodes at the very same coordinates; two brains share none, a rounded one by chance
_YEARS_APART = 10.0  # between two stays in hospital of one person


def identity_flags(sessions: Sequence[PreparedSession]) -> tuple[FlagRecord, ...]:
    """Ids that may stand for one person, ids that may stand for two, and what they were grouped by."""
    held: dict[str, list[PreparedSession]] = defaultdict(list)
    for session in sessions:
        held[session.participant].append(session)
    message = "sessions are grouped by participant: the subject_id in each file, renamed by participants.alias"
    return (
        FlagRecord(id="participants", severity="info", message=message, where="study"),
        *_one_under_two_ids(held),
        *_two_under_one_id(held),
    )


def _one_under_two_ids(held: Mapping[str, Sequence[PreparedSession]]) -> Iterator[FlagRecord]:
    points = {
        participant: {point for one in sessions for point in one.subject.points}
        for participant, sessions in held.items()
    }
    holders = Counter(point for own in points.values() for point in own)
    for one, other in combinations(sorted(held), 2):
        shared = {point for point in points[one] & points[other] if holders[point] == 2}  # more: a template's
        if len(shared) >= _SAME_POINTS:
            why = f"have {len(shared)} contacts at the very same coordinates"
        elif _plain(one) == _plain(other):
            why = "have ids that differ in spelling only"
        else:
            continue
        yield FlagRecord(
            id="one-participant-two-ids",
            severity="warning",
            message=f"{one} and {other} {why}; if they are one person, add to study.yaml: "
            f"participants: {{alias: {{{other}: {one}}}}}",
            where=f"{one}, {other}",
        )


def _plain(participant: str) -> str:
    """An id without case, punctuation and leading zeros: P07, p-7 and P7."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[^a-z0-9/]", "", participant.lower()))


def _two_under_one_id(held: Mapping[str, Sequence[PreparedSession]]) -> Iterator[FlagRecord]:
    for participant, sessions in held.items():
        sexes = sorted({one.subject.sex for one in sessions if one.subject.sex in ("F", "M")})
        ages = [one.subject.age_years for one in sessions if one.subject.age_years is not None]
        reasons = [f"sex {' and '.join(sexes)}"] if len(sexes) > 1 else []
        if ages and max(ages) - min(ages) >= _YEARS_APART:
            reasons.append(f"age {min(ages):g} and {max(ages):g}")
        if reasons:
            files = ", ".join(one.file for one in sessions)
            yield FlagRecord(
                id="two-participants-one-id",
                severity="warning",
                message=f"the files of {participant} ({files}) give {', '.join(reasons)}; if they are two people, "
                f"give them different subject_ids in the files",
                where=participant,
            )
