"""``session.yaml`` and the CSV files in place of its lists."""

from pathlib import Path

import pytest

from nwb_spikeinference.errors import InputError, SettingsError
from nwb_spikeinference_converters.session_file import parse_channels, read_session_file
from nwb_spikeinference_converters.tables import read_rows


def read_with_bundles(tmp_path: Path, write_session, table: str) -> object:
    (tmp_path / "bundles.csv").write_text(table, encoding="utf-8")
    recordings = [{"format": "blackrock", "file": "raw.ns6"}]
    return read_session_file(write_session(tmp_path, recordings=recordings, bundles="bundles.csv"))


@pytest.mark.parametrize(
    "table",
    [
        "label,region,hemisphere,channels\nLHIP,hippocampus,left,1-8\n",
        "\ufefflabel;region;hemisphere;channels\r\nLHIP;hippocampus;left;1-8\r\n",
        "Label\tRegion\tHemisphere\tChannels\nLHIP\thippocampus\tL\t1 2 3 4 5 6 7 8\n\n",
        'label,region,hemisphere,channels,reference\nLHIP,hippocampus,left,"1,2,3,4,5,6,7,8",\n',
    ],
)
def test_f48_csv_files_as_people_save_them(tmp_path: Path, write_session, table: str) -> None:
    (bundle,) = read_with_bundles(tmp_path, write_session, table).bundles
    assert (bundle.label, bundle.hemisphere, bundle.channels) == ("LHIP", "left", tuple(range(1, 9)))


def test_f48_a_missing_column_is_named(tmp_path: Path, write_session) -> None:
    with pytest.raises(SettingsError, match=r"bundles\.csv: column 'hemisphere' is missing; found label, region, ch"):
        read_with_bundles(tmp_path, write_session, "label,region,channels\nLHIP,hippocampus,1-8\n")


def test_f48_a_formula_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('label,region\n"=HYPERLINK(""http://x"")",hip\n', encoding="utf-8")
    with pytest.raises(SettingsError, match="row 2, column 'label' holds a formula"):
        read_rows(tmp_path / "t.csv", ["label"])


def test_an_unknown_column_is_named_by_its_row(tmp_path: Path, write_session) -> None:
    table = "label,region,hemisphere,channels,side\nLHIP,hippocampus,left,1-8,x\n"
    with pytest.raises(SettingsError, match=r"unknown key 'bundles\[0\]\.side'"):
        read_with_bundles(tmp_path, write_session, table)


def test_a_missing_table_is_named(tmp_path: Path, write_session) -> None:
    recordings = [{"format": "blackrock", "file": "raw.ns6"}]
    with pytest.raises(InputError, match=r"gone\.csv: cannot be read"):
        read_session_file(write_session(tmp_path, recordings=recordings, bundles="gone.csv"))


def test_other_columns_of_a_montage_are_left_alone(tmp_path: Path, write_session) -> None:
    (tmp_path / "montage.csv").write_text("label,wire,channel,x,y,z,surgeon\nLHIP1,1,1,1,2,3,AB\n", encoding="utf-8")
    recordings = [{"format": "blackrock", "file": "raw.ns6"}]
    (contact,) = read_session_file(write_session(tmp_path, recordings=recordings, electrodes="montage.csv")).electrodes
    assert contact.z == 3


def test_channels_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(SettingsError, match="channels '1-x' cannot be read"):
        parse_channels("1-x")
