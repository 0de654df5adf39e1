"""``session.yaml`` and the CSV files in place of its lists."""

from pathlib import Path

import pytest

from nwb_spikeinference.errors import InputError, SettingsError
from nwb_spikeinference.session_config import SessionSettings
from nwb_spikeinference_converters.csv_rows import read_rows
from nwb_spikeinference_converters.montage.session_file import TABLES, parse_channels, read_session_file


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


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "+49 30"])
def test_f48_whatever_a_spreadsheet_would_execute_is_refused(tmp_path: Path, cell: str) -> None:
    (tmp_path / "t.csv").write_text(f"label;region\nLHIP;{cell}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="row 2, column 'region' holds a formula; save values only"):
        read_rows(tmp_path / "t.csv", ["label"])


@pytest.mark.parametrize("cell", ["-25.5", "+3", "-1e-3", "-", "a=b"])
def test_f48_signed_numbers_are_no_formulas(tmp_path: Path, cell: str) -> None:
    (tmp_path / "t.csv").write_text(f"label,x\nLHIP,{cell}\n", encoding="utf-8")
    assert read_rows(tmp_path / "t.csv", ["label"]) == [{"label": "LHIP", "x": cell}]


def test_f48_a_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("label,Channel,channel\nLHIP1,1,2\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"t\.csv: column 'channel' stands twice"):
        read_rows(tmp_path / "t.csv", ["label"])


def test_f48_a_row_is_named_as_an_editor_counts(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("\nlabel,channel\n\nLHIP1,1,2\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="row 4 has 3 cells, the header 2"):
        read_rows(tmp_path / "t.csv", ["label"])


def test_f48_empty_cells_at_the_end_of_rows_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("label,channel,,\nLHIP1,1,,\n,,,\n", encoding="utf-8")
    assert read_rows(tmp_path / "t.csv", ["label"]) == [{"label": "LHIP1", "channel": "1"}]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_f48_another_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "t.csv").write_bytes("label,name\nLHIP,Müller\n".encode(encoding))
    with pytest.raises(InputError, match=r"t\.csv: not UTF-8 text .*; save it as 'CSV UTF-8'"):
        read_rows(tmp_path / "t.csv", ["label"])


def test_f48_a_cell_without_an_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('label\n"' + "x" * 200_000, encoding="utf-8")
    with pytest.raises(InputError, match=r"t\.csv: line 2 is no CSV \(field larger than field limit"):
        read_rows(tmp_path / "t.csv", ["label"])


def test_f48_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("\ufeff\n \n", encoding="utf-8")
    with pytest.raises(InputError, match=r"t\.csv: empty; a header line and one line per row are needed"):
        read_rows(tmp_path / "t.csv", ["label"])


def test_every_list_of_the_settings_may_be_a_table() -> None:
    rows = {name for name, field in SessionSettings.model_fields.items() if "Settings, ..." in str(field.annotation)}
    assert rows == set(TABLES)


def test_macro_channels_of_a_table_are_read(tmp_path: Path, write_session) -> None:
    table = "label,region,hemisphere,channels,macro_channels\nLHIP,hippocampus,left,1-8,33-40\n"
    (bundle,) = read_with_bundles(tmp_path, write_session, table).bundles
    assert bundle.macro_channels == tuple(range(33, 41))


def test_labels_of_a_table_of_units_are_read(tmp_path: Path, write_session) -> None:
    (tmp_path / "units.csv").write_text("format,file,labels\nphy,sorted,good mua\n", encoding="utf-8")
    recordings = [{"format": "blackrock", "file": "raw.ns6"}]
    (entry,) = read_session_file(write_session(tmp_path, recordings=recordings, units="units.csv")).units
    assert entry.labels == ("good", "mua")


def test_half_a_place_is_refused(tmp_path: Path, write_session) -> None:
    (tmp_path / "montage.csv").write_text("label,wire,channel,x,y\nLHIP1,1,1,1,2\n", encoding="utf-8")
    recordings = [{"format": "blackrock", "file": "raw.ns6"}]
    with pytest.raises(
        SettingsError, match=r"electrodes\[0\]: contact 'LHIP1' has x, y only; give x, y and z, or none"
    ):
        read_session_file(write_session(tmp_path, recordings=recordings, electrodes="montage.csv"))


def test_a_bundle_without_contacts_is_refused(tmp_path: Path, write_session) -> None:
    with pytest.raises(SettingsError, match=r"bundles\[0\]: bundle 'LHIP' has no contacts; list 'channels', 'macro"):
        read_with_bundles(tmp_path, write_session, "label,region,hemisphere\nLHIP,hippocampus,left\n")
