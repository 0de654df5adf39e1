"""
Records of ``splits.json``: who and what trained, and who and what was tested.

A split that has a participant, the content of a session or a bin on both sides cannot be constructed.
"""

from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from nwb_spikeinference.errors import LeakError
from nwb_spikeinference.files import sha256_json
from nwb_spikeinference.records import Protocol

Stretch = tuple[int, int]  # first bin, and the one after the last


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitStretches:
    """Where in a session some units of a bundle stand on one side."""

    bundle: str
    units: tuple[int, ...]
    bins: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSession:
    """One session on one side of a split."""

    participant: str
    session: str
    file: str  # name without folders: paths can identify a patient
    file_sha256: str
    data_sha256: str  # of the LFP and the spikes in it, whatever the file is like
    units: tuple[int, ...]  # that stand on this side
    places: tuple[str, ...]  # where they lie
    stretches: tuple[UnitStretches, ...] = ()  # of a split in time


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """
    Both sides of one fold.

    Raises
    ------
    LeakError
        If anything stands on both sides: a participant or the content of a session (unseen participants, transfer), or
        a bin of a session, whatever its units (within sessions).
    """

    protocol: Protocol
    fold: int
    predictor: str
    train_place: str | None  # all that trains lies there, where the protocol asks for it
    train: tuple[SplitSession, ...]
    test: tuple[SplitSession, ...]

    def __post_init__(self) -> None:
        for trained, tested in product(self.train, self.test):
            same = (trained.participant, trained.session) == (tested.participant, tested.session)
            if self.protocol == "within-session" and same:
                _require_apart(trained, tested)
                continue
            if self.protocol == "unseen-participant" and trained.participant == tested.participant:
                raise LeakError(
                    f"fold {self.fold} trains and tests on participant {trained.participant}, in {trained.file} and "
                    f"{tested.file}; a participant may stand on one side only: check participants.alias"
                )
            if trained.file_sha256 == tested.file_sha256 or trained.data_sha256 == tested.data_sha256:
                raise LeakError(
                    f"fold {self.fold} trains on {trained.file} and tests on {tested.file}, which hold the same "
                    f"recording; remove one of them from sessions"
                )

    @property
    def sha256(self) -> str:
        """Hash of everything on either side."""
        return sha256_json(asdict(self))

    def describe(self) -> dict[str, Any]:
        """The split and its hash, as plain data."""
        return asdict(self) | {"sha256": self.sha256}


def _require_apart(trained: SplitSession, tested: SplitSession) -> None:
    """No bin may train one unit and test another either: what drives both at once would be learned."""
    for (first, last), (start, stop) in product(_pieces(trained), _pieces(tested)):
        if first < stop and start < last:
            raise LeakError(
                f"{trained.file} would train and test on bins {max(first, start)}-{min(last, stop)}; a bin may stand "
                f"on one side only"
            )


def _pieces(session: SplitSession) -> set[Stretch]:
    return {piece for stretches in session.stretches for piece in stretches.bins}
