"""
The generative worlds: how spiking and field depend on what a bundle's neurons share.

Each world but the first changes one thing, so that what a study must conclude from it is known beforehand.
"""

import math
from dataclasses import dataclass, replace

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference.recordings import CellType

PRIVATE_WEIGHT = 0.4  # of the drive that a unit shares with nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupling:
    """Weights of the shared latents in a neuron's log intensity."""

    slow: float = 0.35
    theta: float = 0.25
    broadband: float
    gamma: float
    gamma_phase_rad: float

    @property
    def variance(self) -> float:
        """Variance of the shared part of the log intensity, for latents of unit variance."""
        return self.slow**2 + self.theta**2 + self.broadband**2 + self.gamma**2


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One set of parameters of the simulator."""

    name: str
    excitatory: Coupling = Coupling(broadband=0.30, gamma=0.25, gamma_phase_rad=0.0)
    inhibitory: Coupling = Coupling(broadband=0.45, gamma=0.60, gamma_phase_rad=math.pi / 2)
    gain: float = 1.0  # of all shared latents
    gate: float = 0.0  # how strongly theta switches gamma's grip on spiking
    ap_uv: float = 70.0  # trough of the recorded units' action potentials, on their own wire
    inverted_outside_left_hippocampus: bool = False
    lfp_of_other_latents: bool = False
    drift: float = 0.0  # log intensity falls or rises by twice this over the recording

    def coupling(self, cell_type: CellType) -> Coupling:
        """Coupling of the neurons of one type, recorded units and population alike."""
        return self.inhibitory if cell_type == "inhibitory" else self.excitatory

    def log_intensity_sd(self, cell_type: CellType) -> float:
        """Give the standard deviation of a unit's log intensity, the sigma of the closed forms."""
        return math.sqrt(self.gain**2 * self.coupling(cell_type).variance + PRIVATE_WEIGHT**2)


_DEFAULT = World(name="default")


def _couple(world: World, *, broadband: tuple[float, float], gamma: tuple[float, float]) -> World:
    """Copy a world with other weights, given as (excitatory, inhibitory)."""
    return replace(
        world,
        excitatory=replace(world.excitatory, broadband=broadband[0], gamma=gamma[0]),
        inhibitory=replace(world.inhibitory, broadband=broadband[1], gamma=gamma[1]),
    )


WORLDS: dict[str, World] = {
    world.name: world
    for world in (
        _DEFAULT,
        _couple(replace(_DEFAULT, name="gated", gate=2.0), broadband=(0.30, 0.45), gamma=(0.5, 0.9)),
        _couple(replace(_DEFAULT, name="no-gamma"), broadband=(0.30, 0.45), gamma=(0.0, 0.0)),
        # Cells close to their wires. Already 70 uV tell own-wire LFP of 125-175 Hz when a unit fires.
        replace(_DEFAULT, name="bleed", ap_uv=120.0),
        # Half way between the two types, so that the field is about as strong as in the default world.
        _couple(replace(_DEFAULT, name="equal-coupling"), broadband=(0.375, 0.375), gamma=(0.425, 0.425)),
        replace(_DEFAULT, name="polarity", inverted_outside_left_hippocampus=True),
        replace(_DEFAULT, name="null", lfp_of_other_latents=True),
        replace(_DEFAULT, name="drift", lfp_of_other_latents=True, drift=0.8),
    )
}


def find_world(name: str) -> World:
    """
    Find a world by its name.

    Raises
    ------
    SettingsError
        If there is none of that name.
    """
    if name not in WORLDS:
        raise SettingsError(f"world {name!r} is unknown; choose one of {', '.join(WORLDS)}")
    return WORLDS[name]
