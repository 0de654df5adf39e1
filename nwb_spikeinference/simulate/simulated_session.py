"""One simulated recording session: what a recorder and a sorter would deliver, and the truth behind it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.recordings import CellType, FloatArray, IntArray
from nwb_spikeinference.simulate.action_potentials import action_potential, add_action_potentials
from nwb_spikeinference.simulate.latents import Latents
from nwb_spikeinference.simulate.simulated_bundles import SimulatedBundle
from nwb_spikeinference.simulate.spikes import RAW_RATE_HZ, SAMPLES_PER_MS
from nwb_spikeinference.simulate.streams import Purpose, make_rng
from nwb_spikeinference.simulate.upsample import upsample

RESOLUTION_UV = 0.25  # of one bit
RAW_NOISE_UV = 8.0
BLOCK_MS = 2000  # of LFP per block of raw signal: 2 s of 32 wires take 8 MB as float32


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedUnit:
    """One neuron near one wire. The cell type is truth: no file but the truth's holds it."""

    number: int  # from 1, over the session
    channel: int
    sorted_class: int  # from 1, on its channel
    spike_samples: IntArray  # (n_spikes,), at 30 kHz, increasing
    missed: NDArray[np.bool_]  # (n_spikes,), True where the sorter did not see the spike
    scales: NDArray[np.float32]  # (n_spikes,), size of each action potential relative to the unit's waveform
    ap_uv: float
    cell_type: CellType

    @property
    def sorted_samples(self) -> IntArray:
        """Spikes that the sorter found."""
        return self.spike_samples[~self.missed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What drove the spikes."""

    gamma_centre_hz: float
    latents: tuple[Latents, ...]  # per bundle
    intensity_hz: FloatArray  # (n_units, n_lfp_samples), without refractoriness


@dataclass(frozen=True, kw_only=True)
class SimulatedSession:
    """A participant's session. Raw signal is made block by block, whenever it is asked for, and always the same."""

    participant: str
    seed: int
    index: int  # the participant's place in the study
    bundles: tuple[SimulatedBundle, ...]
    units: tuple[SimulatedUnit, ...]
    lfp_uv: NDArray[np.float32]  # (n_lfp_samples, n_wires), at 1 kHz, without action potentials
    truth: Truth

    raw_rate_hz: float = RAW_RATE_HZ
    conversion: float = RESOLUTION_UV * 1e-6  # volts per bit of the raw signal

    @cached_property
    def channels(self) -> tuple[int, ...]:
        """Channel of each column of LFP and raw signal."""
        return tuple(channel for bundle in self.bundles for channel in bundle.channels)

    @property
    def n_raw_samples(self) -> int:
        """Length of the raw signal."""
        return len(self.lfp_uv) * SAMPLES_PER_MS

    def raw_blocks(self) -> Iterator[NDArray[np.int16]]:
        """
        Raw signal at 30 kHz: LFP, action potentials and 8 uV of noise.

        Yields
        ------
        ndarray of shape (n, n_wires), int16
            Contiguous blocks of 2 s, in steps of 0.25 uV; the last may be shorter.
        """
        for number, start_ms in enumerate(range(0, len(self.lfp_uv), BLOCK_MS)):
            block = upsample(self.lfp_uv, start_ms, min(start_ms + BLOCK_MS, len(self.lfp_uv)), SAMPLES_PER_MS)
            rng = make_rng(self.seed, self.index, Purpose.RAW_NOISE, number)
            block += RAW_NOISE_UV * rng.standard_normal(block.shape, dtype=np.float32)
            for unit in self.units:
                wire = block[:, self.channels.index(unit.channel)]
                waveform = action_potential(unit.cell_type, unit.ap_uv)
                add_action_potentials(wire, start_ms * SAMPLES_PER_MS, unit.spike_samples, waveform, unit.scales)
            block /= RESOLUTION_UV
            yield np.clip(np.rint(block, out=block), -32764, 32764).astype(np.int16)
