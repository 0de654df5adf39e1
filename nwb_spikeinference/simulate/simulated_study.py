"""A simulated study: who takes part, where the electrodes are, and the sessions."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.files import require_absent, require_space
from nwb_spikeinference.recordings import CellType, FloatArray
from nwb_spikeinference.simulate.action_potentials import draw_scales
from nwb_spikeinference.simulate.field import FieldArray, bundle_lfp
from nwb_spikeinference.simulate.latents import (
    PRIVATE_TAU_MS,
    RATE_HZ,
    Latents,
    draw_gamma_centre_hz,
    make_latents,
    ornstein_uhlenbeck,
)
from nwb_spikeinference.simulate.simulated_bundles import WIRES, SimulatedBundle, place_bundles
from nwb_spikeinference.simulate.simulated_files import SESSION_FILES, write_session_files, write_truth
from nwb_spikeinference.simulate.simulated_session import SimulatedSession, SimulatedUnit, Truth
from nwb_spikeinference.simulate.spikes import (
    RAW_RATE_HZ,
    SAMPLES_PER_MS,
    draw_spikes,
    drift_modulation,
    private_modulation,
    shared_intensity,
)
from nwb_spikeinference.simulate.streams import Purpose, make_rng
from nwb_spikeinference.simulate.worlds import find_world

MIN_SECONDS = 5.0
MAX_BUNDLES = 4
MAX_AP_UV = 1000.0
UNIT_RATES_HZ: dict[CellType, tuple[float, float]] = {"excitatory": (0.8, 3.0), "inhibitory": (4.0, 14.0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationSettings:
    """What a simulated study consists of."""

    world: str = "default"
    participants: int = 6
    seconds: float = 60.0
    seed: int = 0
    bundles: int = 2  # per participant
    excitatory_units: int = 4  # per bundle
    inhibitory_units: int = 3
    line_hz: float = 60.0
    ap_uv: float | None = None  # trough of action potentials; None: what the world says, 0: none are recorded
    electrode_drift: float = 0.0  # share by which amplitudes rise or fall over the recording
    amplitude_jitter: float = 0.0  # standard deviation of an amplitude's logarithm, from spike to spike
    missed_spikes: float = 0.0  # share that the sorter does not see, at random

    def __post_init__(self) -> None:
        find_world(self.world)
        if self.participants < 1:
            raise SettingsError(f"a study needs at least 1 participant, got {self.participants}")
        if not self.seconds >= MIN_SECONDS:
            raise SettingsError(
                f"seconds must be at least {MIN_SECONDS:g}, got {self.seconds:g}; slow latents need them"
            )
        if self.seed < 0:
            raise SettingsError(f"seed must not be negative, got {self.seed}")
        if not 1 <= self.bundles <= MAX_BUNDLES:
            raise SettingsError(f"bundles must be 1 to {MAX_BUNDLES} per participant, got {self.bundles}")
        if min(self.excitatory_units, self.inhibitory_units) < 0 or self.units_per_bundle == 0:
            raise SettingsError(
                f"a bundle needs units, got {self.excitatory_units} excitatory and {self.inhibitory_units} inhibitory"
            )
        if self.line_hz not in (50, 60):
            raise SettingsError(f"line_hz must be 50 or 60, got {self.line_hz:g}")
        self._check_recording()

    def _check_recording(self) -> None:
        if self.ap_uv is not None and not 0 <= self.ap_uv <= MAX_AP_UV:
            raise SettingsError(f"ap_uv must be 0 to {MAX_AP_UV:g} microvolts, got {self.ap_uv:g}")
        if not 0 <= self.electrode_drift < 2:
            raise SettingsError(
                f"electrode_drift must be at least 0 and below 2 (amplitudes reach 0), got {self.electrode_drift:g}"
            )
        if not 0 <= self.amplitude_jitter <= 1:
            raise SettingsError(f"amplitude_jitter must be 0 to 1, got {self.amplitude_jitter:g}")
        if not 0 <= self.missed_spikes < 1:
            raise SettingsError(f"missed_spikes must be a share of at least 0 and below 1, got {self.missed_spikes:g}")

    @property
    def units_per_bundle(self) -> int:
        """Units of both types."""
        return self.excitatory_units + self.inhibitory_units

    @property
    def n_lfp_samples(self) -> int:
        """Length of the LFP at 1 kHz."""
        return round(self.seconds * RATE_HZ)

    def cell_type(self, unit: int) -> CellType:
        """Type of a bundle's units, counted from 0."""
        return "excitatory" if unit < self.excitatory_units else "inhibitory"


def participant_name(index: int) -> str:
    """Participant ids count from 1."""
    return f"S{index + 1:02d}"


def simulate_session(settings: SimulationSettings, index: int) -> SimulatedSession:
    """
    Simulate one participant.

    Parameters
    ----------
    index : int
        The participant's place in the study, from 0. The session depends on it and the settings, but not on how many
        participants there are.

    Raises
    ------
    SettingsError
        If the study has no such participant.
    """
    if not 0 <= index < settings.participants:
        raise SettingsError(f"participant {index} is none of the study's {settings.participants}; they count from 0")
    bundles = place_bundles(index, settings.bundles)
    gamma_hz = draw_gamma_centre_hz(make_rng(settings.seed, index, Purpose.GAMMA_FREQUENCY))
    units: list[SimulatedUnit] = []
    latents, intensities, fields = [], [], []
    for number, bundle in enumerate(bundles):
        rng = make_rng(settings.seed, index, Purpose.LATENTS, number)
        latents.append(make_latents(rng, settings.n_lfp_samples, gamma_hz))
        found = list(_simulate_units(settings, index, number, bundle, latents[-1]))
        units += [unit for unit, _ in found]
        intensities += [intensity.astype(np.float32) for _, intensity in found]
        fields.append(_simulate_lfp(settings, index, number, bundle, latents[-1]))
    return SimulatedSession(
        participant=participant_name(index),
        seed=settings.seed,
        index=index,
        bundles=bundles,
        units=tuple(units),
        lfp_uv=np.concatenate(fields, axis=1),
        truth=Truth(gamma_centre_hz=gamma_hz, latents=tuple(latents), intensity_hz=np.array(intensities)),
    )


def _simulate_units(
    settings: SimulationSettings, index: int, number: int, bundle: SimulatedBundle, latents: Latents
) -> Iterator[tuple[SimulatedUnit, FloatArray]]:
    """Yield the units of one bundle, spread over its wires, with their intensities."""
    world = find_world(settings.world)
    rng = make_rng(settings.seed, index, Purpose.UNITS, number)
    wires = rng.permutation(WIRES)
    for unit in range(settings.units_per_bundle):
        cell_type = settings.cell_type(unit)
        low_hz, high_hz = UNIT_RATES_HZ[cell_type]
        rate_hz = float(np.exp(rng.uniform(np.log(low_hz), np.log(high_hz))))
        drift = world.drift * rng.choice((-1, 1))
        spike_rng = make_rng(settings.seed, index, Purpose.SPIKES, number, unit)
        private = ornstein_uhlenbeck(spike_rng, settings.n_lfp_samples, PRIVATE_TAU_MS)
        intensity = shared_intensity(latents, world, cell_type, rate_hz)
        intensity = intensity * private_modulation(private) * drift_modulation(len(private), drift)
        spikes = draw_spikes(spike_rng, intensity)
        miss_rng = make_rng(settings.seed, index, Purpose.MISSED, number, unit)
        scale_rng = make_rng(settings.seed, index, Purpose.AMPLITUDES, number, unit)
        n_samples = settings.n_lfp_samples * SAMPLES_PER_MS
        simulated = SimulatedUnit(
            number=1 + number * settings.units_per_bundle + unit,
            channel=bundle.channels[wires[unit % WIRES]],
            sorted_class=1 + unit // WIRES,
            spike_samples=spikes,
            missed=miss_rng.random(len(spikes)) < settings.missed_spikes,
            scales=draw_scales(
                scale_rng, spikes, n_samples, jitter=settings.amplitude_jitter, drift=settings.electrode_drift
            ),
            ap_uv=world.ap_uv if settings.ap_uv is None else settings.ap_uv,
            cell_type=cell_type,
        )
        yield simulated, intensity


def _simulate_lfp(
    settings: SimulationSettings, index: int, number: int, bundle: SimulatedBundle, latents: Latents
) -> FieldArray:
    """LFP of one bundle, from its units' latents or, where the world says so, from others."""
    world = find_world(settings.world)
    if world.lfp_of_other_latents:
        other_hz = draw_gamma_centre_hz(make_rng(settings.seed, index, Purpose.OTHER_GAMMA_FREQUENCY))
        rng = make_rng(settings.seed, index, Purpose.OTHER_LATENTS, number)
        latents = make_latents(rng, settings.n_lfp_samples, other_hz)
    inverted = world.inverted_outside_left_hippocampus and bundle.label != "LHIP"
    return bundle_lfp(
        make_rng(settings.seed, index, Purpose.FIELD, number),
        latents,
        world,
        polarity=-1.0 if inverted else 1.0,
        n_wires=WIRES,
        line_hz=settings.line_hz,
    )


def write_blackrock_study(
    folder: Path, settings: SimulationSettings, *, overwrite: bool = False, truth_beside: Path | None = None
) -> tuple[Path, ...]:
    """
    Write a study as Blackrock recordings with sorted units, one folder per participant.

    Each folder holds ``raw.ns6``, ``raw.nev``, ``units.mat`` and ``session.yaml``; the truth goes to
    ``truth/<participant>.npz`` beside them, or in the folder `truth_beside`.

    Returns
    -------
    tuple of Path
        The session files, one per participant.

    Raises
    ------
    ExistsError
        If one of the files exists and `overwrite` is false.
    ResourceError
        If the disk has no room.
    """
    truth = (truth_beside or folder) / "truth"
    names = [participant_name(index) for index in range(settings.participants)]
    for name in names:
        for target in (*(folder / name / file for file in SESSION_FILES), truth / f"{name}.npz"):
            require_absent(target, overwrite)
    raw_bytes = settings.seconds * RAW_RATE_HZ * settings.bundles * WIRES * 2
    require_space(folder, round(settings.participants * raw_bytes * 1.1))
    written = []
    for index, name in enumerate(names):
        session = simulate_session(settings, index)
        write_truth(truth / f"{name}.npz", session)
        written.append(write_session_files(folder / name, session))
    return tuple(written)
