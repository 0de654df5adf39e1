"""Rules for unusual layouts, what study.yaml may say of them, and the lines that are suggested."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
from pynwb import NWBHDF5IO, NWBFile
from pynwb.ecephys import LFP, ElectricalSeries, FilteredEphys

from nwb_spikeinference.config import LayoutSettings, StudySettings, UnitElectrodeSettings, UnitSettings
from nwb_spikeinference.errors import InputError, NoSignalError, SettingsError
from nwb_spikeinference.nwb.reading.read_session import open_signals, read_session
from nwb_spikeinference.pipeline.sessions.prepare_session import prepare_session
from nwb_spikeinference.recordings import Session
from nwb_spikeinference.settings import parse_settings

TABLE = "general/extracellular_ephys/electrodes"


def add_text_column(file: h5py.File, name: str, texts: list[str], table: str = TABLE) -> None:
    file[table].create_dataset(name, data=np.array(texts, dtype=object), dtype=h5py.string_dtype())


def unlink_units(file: h5py.File) -> None:
    del file["units/electrodes"], file["units/electrodes_index"]


@pytest.fixture
def two_series(tmp_path: Path) -> Callable[..., Path]:
    """Write four contacts of one bundle, and two series of them of the types and rates given."""

    def build(*series: tuple[type, str, float, list[int]]) -> Path:
        nwb = NWBFile(session_description="x", identifier="x", session_start_time=datetime(2000, 1, 1, tzinfo=UTC))
        group = nwb.create_electrode_group(
            name="LHIP", description="bundle", location="left hippocampus", device=nwb.create_device(name="NSP1")
        )
        for _ in range(4):
            nwb.add_electrode(group=group, location="left hippocampus")
        module = nwb.create_processing_module(name="ecephys", description="x")
        for number, (kind, name, rate_hz, rows) in enumerate(series):
            made = ElectricalSeries(
                name=name, data=np.full((round(4 * rate_hz), len(rows)), 1e-6 * (number + 1)), rate=rate_hz,
                electrodes=nwb.create_electrode_table_region(region=rows, description=name),
            )  # fmt: skip
            if kind is ElectricalSeries:
                nwb.add_acquisition(made)
                continue
            container = kind(name=f"{kind.__name__}{number}")
            module.add(container)
            container.add_electrical_series(made)
        with NWBHDF5IO(str(tmp_path / "two.nwb"), "w") as io:
            io.write(nwb)
        return tmp_path / "two.nwb"

    return build


ALL = [0, 1, 2, 3]


def read_rows(session: Session) -> dict[str, tuple[int, ...]]:
    return {block.path.rpartition("/")[2]: block.electrode_rows for block in session.blocks}


def test_of_two_series_alike_that_of_the_lfp_container_is_read(two_series: Callable[..., Path]) -> None:
    session = read_session(two_series((ElectricalSeries, "plain", 1000.0, ALL), (LFP, "field", 1000.0, ALL)))
    assert read_rows(session) == {"field": (0, 1, 2, 3)}
    assert (
        "/acquisition/plain: 4 of its contacts are read from /processing/ecephys/LFP1/field; to read this one instead, "
        "add to study.yaml: layout: {lfp: acquisition/plain}"
    ) in session.notes


def test_the_line_that_is_suggested_reads_the_other_series(two_series: Callable[..., Path]) -> None:
    path = two_series((ElectricalSeries, "plain", 1000.0, ALL), (LFP, "field", 1000.0, ALL))
    session = read_session(path, layout=LayoutSettings(lfp="acquisition/plain"))
    assert read_rows(session) == {"plain": (0, 1, 2, 3)}


def test_a_contact_in_two_series_is_read_once_and_the_others_stay(two_series: Callable[..., Path]) -> None:
    path = two_series((LFP, "field", 1000.0, [1, 2]), (ElectricalSeries, "plain", 1000.0, ALL))
    session = read_session(path)
    assert read_rows(session) == {"field": (1, 2), "plain": (0, -1, -1, 3)}
    plain = next(block for block in session.blocks if block.path.endswith("plain"))
    with open_signals(path) as open_block:
        np.testing.assert_allclose(open_block(plain).read(0, 2), np.full((2, 4), 2e-6))


def test_filtered_voltage_is_not_read_beside_unfiltered(two_series: Callable[..., Path]) -> None:
    session = read_session(two_series((FilteredEphys, "gamma", 2000.0, ALL), (LFP, "field", 1000.0, ALL)))
    assert read_rows(session) == {"field": (0, 1, 2, 3)}


def test_filtered_voltage_alone_is_read(two_series: Callable[..., Path]) -> None:
    assert read_rows(read_session(two_series((FilteredEphys, "lowpass", 1000.0, ALL)))) == {"lowpass": (0, 1, 2, 3)}


def test_series_of_different_rates_stay(two_series: Callable[..., Path]) -> None:
    session = read_session(two_series((LFP, "slow", 500.0, ALL), (LFP, "fast", 2000.0, ALL)))
    assert set(read_rows(session)) == {"slow", "fast"}


@pytest.mark.parametrize("rate_hz", [250.0, 512.0, 1024.0, 2000.0])
def test_lfp_of_every_usual_rate_is_read(two_series: Callable[..., Path], rate_hz: float) -> None:
    (block,) = read_session(two_series((LFP, "field", rate_hz, ALL))).blocks
    assert (block.kind, block.rate_hz, block.n_samples) == ("lfp", rate_hz, 4 * rate_hz)


def test_layout_names_series_by_glob(bundle_file: Path) -> None:
    session = read_session(bundle_file, layout=LayoutSettings(lfp="processing/*/LFP/*"))
    assert [block.path for block in session.blocks] == ["/processing/ecephys/LFP/ElectricalSeriesLFP"]


def test_layout_that_fits_no_series_is_refused_with_those_there_are(bundle_file: Path) -> None:
    held = "it has acquisition/ElectricalSeriesRaw, processing/ecephys/LFP/ElectricalSeriesLFP"
    with pytest.raises(InputError, match=re.escape(f"no series is named 'lfp' (layout.lfp); {held}")):
        read_session(bundle_file, layout=LayoutSettings(lfp="lfp"))


def test_named_series_without_electrodes_is_refused(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        del file["processing/ecephys/LFP/ElectricalSeriesLFP/electrodes"]
    layout = LayoutSettings(lfp="processing/ecephys/LFP/ElectricalSeriesLFP")
    with pytest.raises(InputError, match=re.escape("(layout.lfp) cannot be used: it names no electrodes")):
        read_session(bundle_file, layout=layout)


def test_layout_names_the_columns_of_region_and_side(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        add_text_column(file, "atlas", ["dACC"] * 4)
        add_text_column(file, "which", ["R"] * 4)
    session = read_session(bundle_file, layout=LayoutSettings(region_column="atlas", hemisphere_column="which"))
    assert {(one.region, one.hemisphere) for one in session.electrodes} == {("anterior cingulate", "right")}


def test_region_column_that_is_not_there_is_refused_with_those_there_are(bundle_file: Path) -> None:
    message = (
        "no column 'atlas' (layout.region_column); its texts are in: electrode_type, group_name, hemisphere, label"
    )
    with pytest.raises(InputError, match=re.escape(message)):
        read_session(bundle_file, layout=LayoutSettings(region_column="atlas"))


def test_without_any_region_a_column_that_seems_to_hold_them_is_suggested(wire_file: Path) -> None:
    with h5py.File(wire_file, "a") as file:
        for group in file["general/extracellular_ephys"].values():
            group.attrs["location"] = "unknown"
        file[f"{TABLE}/location"][...] = "unknown"
        file[f"{TABLE}/label"][...] = ["q1", "q2", "x1", "z1"]
        add_text_column(file, "anatomy", ["Left Hippocampus", "Left Hippocampus", "RAMY", "?"])
    session = read_session(wire_file)
    assert session.advice == ("no contact names a region; add to study.yaml: layout: {region_column: anatomy}",)
    assert session.advice[0] in session.notes
    session = read_session(wire_file, layout=LayoutSettings(region_column="anatomy"))
    assert [one.region for one in session.electrodes[:3]] == ["hippocampus", "hippocampus", "amygdala"]


def test_a_spelling_that_nobody_knows_is_suggested_for_regions(wire_file: Path) -> None:
    with h5py.File(wire_file, "a") as file:
        for group in file["general/extracellular_ephys"].values():
            group.attrs["location"] = "zone 4"
        file[f"{TABLE}/location"][...] = "zone 4"
        file[f"{TABLE}/label"][...] = ["q1", "q2", "x1", "z1"]
    session = read_session(wire_file)
    assert session.advice[0].startswith("no contact names a known region; add to study.yaml: regions: {'zone 4': ")


@pytest.mark.parametrize(
    ("name", "values", "rows", "how"),
    [
        ("channel", [12, 11], [(1, 3), (0, 2)], None),
        ("contact", ["RAMY1", "lhip2"], [(2,), (1,)], "label"),
        ("electrode_row", [3, 0], [(3,), (0,)], "id or row"),
        ("bundle", ["RAMY", "LHIP"], [(2, 3), (0, 1)], "group"),
    ],
)
def test_unit_electrode_is_read_as_what_it_names(
    bundle_file: Path, name: str, values: list[object], rows: list[tuple[int, ...]], how: str | None
) -> None:
    with h5py.File(bundle_file, "a") as file:
        unlink_units(file)
        if isinstance(values[0], str):
            add_text_column(file, name, [str(value) for value in values], "units")
        else:
            file["units"].create_dataset(name, data=values)
    layout = LayoutSettings(unit_electrode=name)
    if how is None:  # channels 11 and 12 exist in both bundles
        with pytest.raises(InputError, match=re.escape("holds 12, 11, the channel of several electrodes each; name")):
            read_session(bundle_file, layout=layout)
        return
    session = read_session(bundle_file, layout=layout)
    assert [unit.electrode_rows for unit in session.units] == rows
    assert f"units are linked by column {name} to the {how} of electrodes" in session.notes


def number_channels_from_1(path: Path, column: str = "contact") -> None:
    """Units on channels 2 and 3, which are rows and ids 1 and 2, but could be rows and ids 2 and 3."""
    with h5py.File(path, "a") as file:
        unlink_units(file)
        file[f"{TABLE}/channel"][...] = [1, 2, 3, 4]
        file["units"].create_dataset(column, data=[2, 3])


def test_numbers_that_could_be_different_contacts_are_refused(bundle_file: Path) -> None:
    number_channels_from_1(bundle_file)
    message = (
        "units column 'contact' (layout.unit_electrode) could be the id or the channel or the row of electrodes, which "
        "are different contacts; say in study.yaml which: "
        "layout: {unit_electrode: {column: contact, names: id}} or channel or row"
    )
    with pytest.raises(InputError, match=re.escape(message)):
        read_session(bundle_file, layout=LayoutSettings(unit_electrode=UnitElectrodeSettings(column="contact")))


@pytest.mark.parametrize(("names", "rows"), [("channel", [(1,), (2,)]), ("row", [(2,), (3,)]), ("id", [(2,), (3,)])])
def test_what_numbers_name_is_taken_from_the_layout(bundle_file: Path, names: str, rows: list[tuple[int, ...]]) -> None:
    number_channels_from_1(bundle_file)
    content = {"sessions": ["x"], "layout": {"unit_electrode": {"column": "contact", "names": names}}}
    layout = parse_settings(content, StudySettings, "study.yaml").layout
    session = read_session(bundle_file, layout=layout)
    assert [unit.electrode_rows for unit in session.units] == rows


def test_names_that_the_layout_rules_out_are_refused(bundle_file: Path) -> None:
    number_channels_from_1(bundle_file)
    layout = LayoutSettings(unit_electrode=UnitElectrodeSettings(column="contact", names="label"))
    with pytest.raises(InputError, match=re.escape("holds 2, 3, which are no labels of the electrodes table")):
        read_session(bundle_file, layout=layout)


def test_advice_on_a_column_with_several_meanings_asks_for_one(bundle_file: Path) -> None:
    number_channels_from_1(bundle_file)
    assert read_session(bundle_file).advice == (
        "units name no electrodes; add to study.yaml: layout: {unit_electrode: {column: contact, names: id}} or "
        "channel or row",
    )


def test_channels_in_words_link_units_by_their_numbers(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        unlink_units(file)
        del file[f"{TABLE}/channel"]
        add_text_column(file, "origchannel", ["micro-17", "micro-18", "micro-19", "micro-20"])
        file["units"].create_dataset("channel_number", data=[18.0, 20.0])
    session = read_session(bundle_file, layout=LayoutSettings(unit_electrode="channel_number"))
    assert [unit.electrode_rows for unit in session.units] == [(1,), (3,)]


def test_unlinked_units_are_told_which_column_would_link_them(bundle_file: Path, tmp_path: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        unlink_units(file)
        add_text_column(file, "wire_name", ["RAMY1", "LHIP2"], "units")
    line = "units name no electrodes; add to study.yaml: layout: {unit_electrode: wire_name}"
    assert line in read_session(bundle_file).notes
    with pytest.raises(NoSignalError, match=re.escape(f"no unit lies on a wire with a continuous signal; {line}")):
        prepare_session(bundle_file, StudySettings(sessions=("x",)), tmp_path)


def test_suggested_line_is_one_that_study_yaml_takes(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        unlink_units(file)
        add_text_column(file, "wire_name", ["RAMY1", "LHIP2"], "units")
    (advice,) = read_session(bundle_file).advice
    column = re.fullmatch(r".*add to study.yaml: layout: \{unit_electrode: (\w+)\}", advice)
    assert column is not None
    settings = parse_settings({"sessions": ["x"], "layout": {"unit_electrode": column[1]}}, StudySettings, "study.yaml")
    units = read_session(bundle_file, layout=settings.layout).units
    assert [unit.electrode_rows for unit in units] == [(2,), (1,)]


def test_units_without_any_fitting_column_are_not_advised(bundle_file: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        unlink_units(file)
    session = read_session(bundle_file)
    assert session.advice == ()
    assert "units name no electrodes" in session.notes


def test_unknown_key_of_the_layout_is_refused_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match=re.escape("unknown key 'layout.unit_electrodes'; did you mean 'unit_")):
        parse_settings({"sessions": ["x"], "layout": {"unit_electrodes": "a"}}, StudySettings, "study.yaml")


def test_layout_reaches_the_features_of_a_study(bundle_file: Path, tmp_path: Path) -> None:
    with h5py.File(bundle_file, "a") as file:
        add_text_column(file, "atlas", ["OFC"] * 4)
        file["units/electrodes"][...] = [0, 0, 2, 2]
        series = file["processing/ecephys/LFP/ElectricalSeriesLFP"]
        series["starting_time"].attrs["rate"] = 250.0  # 8 s of 2000 samples
    settings = StudySettings(
        sessions=("x",),
        units=UnitSettings(min_spikes=1),
        layout=LayoutSettings(region_column="atlas", lfp="processing/ecephys/LFP/*"),
    )
    result = prepare_session(bundle_file, settings, tmp_path)
    assert {unit.region for unit in result.units} == {"orbitofrontal"}


def test_a_contact_whose_size_nothing_names_is_marked_as_such(one_wire_file: Callable[..., Path]) -> None:
    (electrode,) = read_session(one_wire_file(rate=1000.0)).electrodes
    assert (electrode.kind, electrode.kind_is_named) == ("micro", False)


def test_layout_names_the_size_of_contacts(one_wire_file: Callable[..., Path]) -> None:
    (electrode,) = read_session(one_wire_file(rate=1000.0), layout=LayoutSettings(contacts="macro")).electrodes
    assert (electrode.kind, electrode.kind_is_named) == ("macro", True)


def test_the_name_of_a_series_says_that_its_contacts_are_macro(one_wire_file: Callable[..., Path]) -> None:
    path = one_wire_file(rate=1000.0)
    with h5py.File(path, "a") as file:
        file.move("acquisition/ElectricalSeries", "acquisition/sEEG")
    (electrode,) = read_session(path).electrodes
    assert (electrode.kind, electrode.kind_is_named) == ("macro", True)


@pytest.mark.parametrize("start_s", [0.0, 36_000.0, 1.7e9])
def test_clock_may_start_anywhere(one_wire_file: Callable[..., Path], start_s: float) -> None:
    path = one_wire_file(rate=1000.0, starting_time=start_s)
    (block,) = read_session(path).blocks
    assert (block.start_s, block.stop_s) == (start_s, start_s + 2.0)
