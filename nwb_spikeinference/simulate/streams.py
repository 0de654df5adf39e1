"""
Independent random numbers for every part of a simulated study.

A stream depends on the study's seed, the participant's place in the study and what it is for, and on nothing else: a
participant is the same whatever the number of participants, and changing one part of the simulation leaves the others.
"""

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a stream of random numbers is for."""

    GAMMA_FREQUENCY = 0
    LATENTS = 1
    UNITS = 2
    SPIKES = 3
    FIELD = 4
    RAW_NOISE = 5
    UNSORTED = 6
    OTHER_GAMMA_FREQUENCY = 7
    OTHER_LATENTS = 8
    AMPLITUDES = 9
    MISSED = 10


def make_rng(seed: int, participant: int, purpose: Purpose, *parts: int) -> np.random.Generator:
    """Make the generator for one purpose; `parts` count bundles, units or blocks."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(participant, int(purpose), *parts)))
