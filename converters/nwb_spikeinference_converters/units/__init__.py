"""
Sorted units in the formats of sorters, read into one shape.
"""

from pathlib import Path

from nwb_spikeinference.errors import InputError, SettingsError
from nwb_spikeinference.session_config import UnitsSettings
from nwb_spikeinference_converters.protocol import choose
from nwb_spikeinference_converters.recorder_files import find_path, is_pattern
from nwb_spikeinference_converters.units.blackrock_nev import read_nev_units
from nwb_spikeinference_converters.units.combinato import read_combinato_units
from nwb_spikeinference_converters.units.neuralynx_nse import read_nse_units
from nwb_spikeinference_converters.units.osort import read_osort_units
from nwb_spikeinference_converters.units.phy.phy_units import read_phy_units
from nwb_spikeinference_converters.units.plain import read_csv_units, read_mat_units
from nwb_spikeinference_converters.units.plexon.plexon_units import read_plexon_units
from nwb_spikeinference_converters.units.shape import ReadContext, ReadUnits, UnitsFile
from nwb_spikeinference_converters.units.wave_clus import read_wave_clus_units

READERS: dict[str, ReadUnits] = {
    "nev": read_nev_units,
    "mat": read_mat_units,
    "csv": read_csv_units,
    "nse": read_nse_units,
    "phy": read_phy_units,
    "plexon": read_plexon_units,
    "wave_clus": read_wave_clus_units,
    "osort": read_osort_units,
    "combinato": read_combinato_units,
}
_STAMPED = ("nev", "nse")  # formats whose unit of time is not open


def read_units(path: Path, settings: UnitsSettings, context: ReadContext) -> UnitsFile:
    """
    Read one file, or folder, of sorted units.

    Raises
    ------
    InputError
        If it is missing or damaged.
    SettingsError
        If nobody reads its format, or it says itself what its times are.
    """
    reader = choose(settings.format, READERS, "units format")
    if settings.format in _STAMPED and settings.time_unit is not None:
        raise SettingsError(
            f"{path}: the recorder says what its times are; remove 'time_unit' from this entry of 'units'"
        )
    path = find_path(path)
    if not path.exists() and not (reader is read_nev_units and is_pattern(path)):  # parts of one recording
        raise InputError(f"{path}: no such file; check 'units' in session.yaml")
    return reader(path, settings, context)
