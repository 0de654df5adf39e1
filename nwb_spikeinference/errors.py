"""
Errors for people.

Each says what was found, what is allowed and what to do. The command line turns the class into an exit code and prints
the message as one line.
"""


class SpikeInferenceError(Exception):
    """Base of every error that this package raises on purpose."""

    exit_code = 3


class SettingsError(SpikeInferenceError):
    """A setting or an argument is not one that the program knows or allows."""

    exit_code = 2


class BandError(SettingsError):
    """A frequency band does not fit the signal or the other bands."""


class MontageError(SettingsError):
    """The electrodes described by the settings contradict each other or the recording."""


class InputError(SpikeInferenceError):
    """An input file cannot be read, is damaged, or does not hold what it should."""


class NoSignalError(InputError):
    """A file holds no continuous signal that could predict anything."""


class NoUnitsError(InputError):
    """A file or a study holds no usable unit."""


class LeakError(SpikeInferenceError):
    """Training and test data overlap, so every score would be wrong."""


class ResourceError(SpikeInferenceError):
    """Disk, memory or network do not suffice."""

    exit_code = 4


class ExistsError(SpikeInferenceError):
    """An output exists and may not be replaced without being asked to."""

    exit_code = 5


class LockedError(SpikeInferenceError):
    """Another process is writing here."""

    exit_code = 5


def describe(error: BaseException, longest: int | None = 200) -> str:
    """The message of any error on one line of at most so many characters, never empty."""
    return " ".join(str(error).split())[:longest] or type(error).__name__
