"""
Files of a simulated session, as a lab would hold them: recorder's files, sorted units and ``session.yaml``.

The truth goes to a folder of its own, which no other part of the program reads.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from scipy.io import savemat

from nwb_spikeinference.files import replace_atomically, write_text
from nwb_spikeinference.simulate.action_potentials import cut_waveforms
from nwb_spikeinference.simulate.nev_writer import DigitalEvents, SpikeEvents, write_nev
from nwb_spikeinference.simulate.nsx_writer import signal_offset, write_nsx
from nwb_spikeinference.simulate.simulated_session import RESOLUTION_UV, SimulatedSession
from nwb_spikeinference.simulate.streams import Purpose, make_rng

RAW_FILE = "raw.ns6"
EVENTS_FILE = "raw.nev"
UNITS_FILE = "units.mat"
SESSION_FILE = "session.yaml"
SESSION_FILES = (RAW_FILE, EVENTS_FILE, UNITS_FILE, SESSION_FILE)

UNSORTED_RATE_HZ = 0.3  # noise that crossed the threshold, on each wire
EVENT_INTERVAL_S = 5.0
_MAT_HEADER = b"MATLAB 5.0 MAT-file, simulated sorted units".ljust(116)


def write_session_files(folder: Path, session: SimulatedSession) -> Path:
    """
    Write the files of one session; ``session.yaml`` comes last, so where it stands the others are whole.

    Returns
    -------
    Path
        The session file.
    """
    labels = wire_labels(session)
    with replace_atomically(folder / RAW_FILE) as temporary:
        write_nsx(
            temporary,
            session.raw_blocks(),
            n_samples=session.n_raw_samples,
            channels=session.channels,
            labels=labels,
            resolution_uv=RESOLUTION_UV,
        )
    shape = (session.n_raw_samples, len(session.channels))
    raw = np.memmap(folder / RAW_FILE, dtype="<i2", mode="r", offset=signal_offset(shape[1]), shape=shape)
    waveforms = [cut_waveforms(raw[:, session.channels.index(u.channel)], u.sorted_samples) for u in session.units]
    spikes = _all_crossings(session, raw, waveforms)
    with replace_atomically(folder / EVENTS_FILE) as temporary:
        write_nev(
            temporary,
            spikes,
            _digital_events(session),
            channels=session.channels,
            labels=labels,
            resolution_uv=RESOLUTION_UV,
        )
    with replace_atomically(folder / UNITS_FILE) as temporary:
        _write_units(temporary, session, waveforms)
    write_text(folder / SESSION_FILE, yaml.safe_dump(session_settings(session), sort_keys=False))
    return folder / SESSION_FILE


def wire_labels(session: SimulatedSession) -> tuple[str, ...]:
    """Label of each channel, e.g. ``LHIP3``."""
    return tuple(f"{b.label}{wire}" for b in session.bundles for wire in range(1, len(b.channels) + 1))


def _all_crossings(session: SimulatedSession, raw: NDArray[np.int16], waveforms: list[Any]) -> SpikeEvents:
    """Spikes of all units, and on each wire what no sorter assigned: some noise, and the spikes that it missed."""
    groups: list[tuple[Any, ...]] = [
        (unit.sorted_samples, unit.channel, unit.sorted_class, snippets)
        for unit, snippets in zip(session.units, waveforms, strict=True)
    ]
    rng = make_rng(session.seed, session.index, Purpose.UNSORTED)
    seconds = session.n_raw_samples / session.raw_rate_hz
    for column, channel in enumerate(session.channels):
        noise = rng.integers(0, session.n_raw_samples, rng.poisson(UNSORTED_RATE_HZ * seconds))
        missed = [unit.spike_samples[unit.missed] for unit in session.units if unit.channel == channel]
        unsorted = np.sort(np.concatenate([noise, *missed]))
        groups.append((unsorted, channel, 0, cut_waveforms(raw[:, column], unsorted)))
    samples, channels, classes, cut = zip(*groups, strict=True)
    n_spikes = [len(one) for one in samples]
    return SpikeEvents(
        samples=np.concatenate(samples),
        channels=np.repeat(channels, n_spikes),
        classes=np.repeat(classes, n_spikes),
        waveforms=np.rint(np.concatenate(cut)).astype(np.int16),
    )


def _digital_events(session: SimulatedSession) -> DigitalEvents:
    """Count trials, one every 5 s."""
    step = round(EVENT_INTERVAL_S * session.raw_rate_hz)
    samples = np.arange(step // 2, session.n_raw_samples, step)
    return DigitalEvents(samples=samples, values=np.arange(1, len(samples) + 1))


def _write_units(path: Path, session: SimulatedSession, waveforms: list[Any]) -> None:
    """Write the plain ``mat`` format: one element per spike, waveforms in volts."""
    repeats = [len(unit.sorted_samples) for unit in session.units]
    content = {
        "unit": np.repeat([unit.number for unit in session.units], repeats).astype(np.int32),
        "channel": np.repeat([unit.channel for unit in session.units], repeats).astype(np.int32),
        "sample": np.concatenate([unit.sorted_samples for unit in session.units]).astype(np.int32),
        "rate_hz": session.raw_rate_hz,
        "waveform": (np.concatenate(waveforms) * session.conversion).astype(np.float32),
    }
    savemat(path, content, appendmat=False, oned_as="column", do_compression=True)
    with path.open("r+b") as stream:  # the free text at the start holds the time of writing
        stream.write(_MAT_HEADER)


def session_settings(session: SimulatedSession) -> dict[str, Any]:
    """Content of ``session.yaml``."""
    return {
        "subject": {
            "subject_id": session.participant,
            "species": "Homo sapiens",
            "age": f"P{22 + 7 * session.index % 41}Y",
            "sex": "FM"[session.index % 2],
            "description": "simulated participant",
        },
        "session": {
            "session_id": "simulated",
            "start": "2000-01-01T00:00:00+00:00",
            "description": "Simulated Behnke-Fried microwire recording with known truth",
        },
        "devices": [{"name": "NSP1", "model": "Cerebus", "manufacturer": "Blackrock Neurotech"}],
        "recordings": [{"format": "blackrock", "file": RAW_FILE, "nsp": "NSP1"}],
        "events": [{"format": "blackrock", "file": EVENTS_FILE}],
        "bundles": [asdict(bundle) | {"channels": list(bundle.channels), "nsp": "NSP1"} for bundle in session.bundles],
        "units": [{"format": "mat", "file": UNITS_FILE, "sorter": "simulated"}],
    }


def write_truth(path: Path, session: SimulatedSession) -> None:
    """Intensities, latents and cell types as a plain ``.npz`` file."""
    truth = session.truth
    with replace_atomically(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(
            stream,
            unit=np.array([unit.number for unit in session.units]),
            channel=np.array([unit.channel for unit in session.units]),
            cell_type=np.array([unit.cell_type for unit in session.units]),
            intensity_hz=truth.intensity_hz.astype(np.float32),
            gamma_centre_hz=np.array(truth.gamma_centre_hz),
            bundle=np.array([bundle.label for bundle in session.bundles]),
            slow=np.array([latents.slow for latents in truth.latents], dtype=np.float32),
            theta=np.array([latents.theta for latents in truth.latents], dtype=np.float32),
            gamma=np.array([latents.gamma for latents in truth.latents], dtype=np.complex64),
            broadband=np.array([latents.broadband for latents in truth.latents], dtype=np.float32),
        )
