"""
Digests of what prepared sessions hold: the same recording is found again under any name.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from nwb_spikeinference.config import Predictor
from nwb_spikeinference.errors import LeakError
from nwb_spikeinference.files import sha256_json
from nwb_spikeinference.pipeline.sessions.choose_sessions import UsedSession
from nwb_spikeinference.pipeline.sessions.prepared import PreparedSession

_MIN_SPIKES = 5  # two units do not fire in the same five bins and no other by chance


def content_digests(session: PreparedSession, predictor: Predictor) -> dict[str, str]:
    """
    Digest of each LFP input and of each unit's spikes -> which of the two it is.

    Inputs without a signal and units of a few spikes could equal others by chance and have none.
    """
    return {hashlib.sha256(kind.encode() + data).hexdigest(): kind for kind, data in _contents(session, predictor)}


def _contents(session: PreparedSession, predictor: Predictor) -> Iterator[tuple[str, bytes]]:
    for counts in session.counts.T:
        if counts.sum() >= _MIN_SPIKES:
            yield "spikes", counts.tobytes()
    for features in session.inputs[predictor].features:
        if np.any(features):
            yield "LFP", features.tobytes()


def hash_contents(sessions: Sequence[UsedSession], predictor: Predictor) -> dict[tuple[str, str], str]:
    """
    Digest of the LFP and spikes of every session, by participant and session.

    Raises
    ------
    LeakError
        If two files hold the same LFP or the same spikes, whoever they say it belongs to: the recording would stand on
        both sides of a split, or count twice.
    """
    seen: dict[str, Path] = {}
    found: dict[tuple[str, str], str] = {}
    for one in sessions:
        path, digests = one.path, content_digests(one.prepared, predictor)
        for digest, kind in digests.items():
            if digest in seen:
                raise LeakError(
                    f"{path.name} and {seen[digest].name} hold the same {kind}, bin for bin: one recording "
                    f"in two files; remove one of them from sessions"
                )
        seen |= dict.fromkeys(digests, path)
        found[one.prepared.name] = sha256_json(sorted(digests))
    return found
