"""Published human single-neuron layouts are read as what they are; see tests/nwb/layouts for their sources."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nwb_spikeinference.config import LayoutSettings, SignalSettings, StudySettings, UnitSettings
from nwb_spikeinference.errors import NoSignalError
from nwb_spikeinference.nwb.reading.read_session import read_session
from nwb_spikeinference.pipeline.predict import ContactChoice, choose_contacts
from nwb_spikeinference.pipeline.sessions.bundle_signal import find_blocks
from nwb_spikeinference.pipeline.sessions.prepare_session import prepare_session
from nwb_spikeinference.recordings import Session
from tests.nwb.layouts import others, rutishauser
from tests.nwb.layouts.common import spike_trains

Places = dict[tuple[str, str | None, str | None, str], int]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes a facsimile once for all tests, which only read it."""
    folder, files = tmp_path_factory.mktemp("facsimiles"), dict[str, Path]()

    def write_once(write: Callable[..., Path], *arguments: float, **options: float) -> Path:
        name = f"{write.__name__} {arguments} {options}.nwb"
        if name not in files:
            files[name] = write(folder / name, *arguments, **options)
        return files[name]

    return write_once


def places_of(session: Session) -> Places:
    return dict(Counter((one.bundle, one.region, one.hemisphere, one.kind) for one in session.electrodes))


def settings(**signal: str) -> StudySettings:
    return StudySettings(
        sessions=("x",),
        signal=SignalSettings(**signal),  # type: ignore[arg-type]
        units=UnitSettings(min_spikes=1, drop_duplicates=False),
    )


def test_000004_groups_of_single_wires_become_bundles_by_place(written: Callable[..., Path]) -> None:
    assert places_of(read_session(written(rutishauser.write_000004))) == {
        ("left hippocampus", "hippocampus", "left", "micro"): 2,
        ("right hippocampus", "hippocampus", "right", "micro"): 2,
        ("left amygdala", "amygdala", "left", "micro"): 2,
        ("right amygdala", "amygdala", "right", "micro"): 2,
    }


def test_000004_units_bring_waveforms_with_their_rate(written: Callable[..., Path]) -> None:
    unit = read_session(written(rutishauser.write_000004)).units[1]
    assert (unit.waveform_rate_hz, unit.cluster_id, unit.electrode_rows) == (98_400.0, 1001, (2,))
    assert unit.waveform_mean is not None
    assert len(unit.waveform_mean) == 256


def test_000207_more_wires_than_a_bundle_has_are_parted_by_blocks_of_channels(written: Callable[..., Path]) -> None:
    session = read_session(written(rutishauser.write_000207))
    assert [one.bundle for one in session.electrodes] == [
        *["right hippocampus"] * 8, *["right hippocampus 2"] * 8, *["right amygdala"] * 8
    ]  # fmt: skip


def test_000207_plain_electrodes_of_units_are_rows(written: Callable[..., Path]) -> None:
    session = read_session(written(rutishauser.write_000207))
    assert [unit.electrode_rows for unit in session.units] == [(0,), (7,), (14,), (21,)]


def test_000207_is_refused_by_a_study_for_want_of_a_signal(written: Callable[..., Path], tmp_path: Path) -> None:
    path = written(rutishauser.write_000207)
    with pytest.raises(NoSignalError, match=r"no continuous signal, only 4 units that nothing can predict"):
        prepare_session(path, settings(), tmp_path)


def test_000469_peak_and_not_mean_signal_to_noise_counts(written: Callable[..., Path]) -> None:
    session = read_session(written(rutishauser.write_000469))
    assert {unit.snr for unit in session.units} == {6.0}


def test_000469_places_of_bytes_are_read(written: Callable[..., Path]) -> None:
    session = read_session(written(rutishauser.write_000469))
    assert {(one.hemisphere, one.region) for one in session.electrodes} == {
        ("left", "hippocampus"), ("right", "amygdala"), ("left", "anterior cingulate"), ("left", "medial frontal"),
        ("right", "medial frontal"),
    }  # fmt: skip


def test_000673_lfp_of_400_hz_gives_every_unit_an_input(written: Callable[..., Path], tmp_path: Path) -> None:
    result = prepare_session(written(rutishauser.write_000673, 6.0), settings(), tmp_path)
    assert len(result.inputs["neighbour"].features) == 5
    assert {unit.excluded_reason for unit in result.units} == {None}


def test_000623_micro_and_macro_contacts_share_the_bundle_of_their_labels(written: Callable[..., Path]) -> None:
    places = places_of(read_session(written(rutishauser.write_000623)))
    assert places["LHIP", "hippocampus", "left", "micro"] == 8
    assert places["LHIP", "hippocampus", "left", "macro"] == 4
    assert places["ROFC", "medial frontal", "right", "micro"] == 8


def test_000623_channels_in_words_are_numbers(written: Callable[..., Path]) -> None:
    electrode = read_session(written(rutishauser.write_000623)).electrodes[10]
    assert (electrode.label, electrode.wire, electrode.channel) == ("RAMY3", 3, 11)


def test_000623_lfp_lies_on_the_clock_of_the_spikes(written: Callable[..., Path]) -> None:
    session = read_session(written(rutishauser.write_000623, 4.0))
    assert {(block.start_s, block.stop_s) for block in session.blocks} == {(-10.0, 14.0)}
    assert sum("its clock is moved by -10 s to that of the spikes" in note for note in session.notes) == 2


def test_000623_shift_of_the_layout_comes_before_the_description(written: Callable[..., Path]) -> None:
    path = written(rutishauser.write_000623)
    session = read_session(path, layout=LayoutSettings(lfp_shift_s=-2.5))
    assert {block.start_s for block in session.blocks} == {-2.5}


def test_000623_signal_around_the_sorted_stretch_is_no_silence(written: Callable[..., Path], tmp_path: Path) -> None:
    result = prepare_session(written(rutishauser.write_000623, 6.0), settings(), tmp_path)
    grid = result.grid
    assert -1 < grid.start_s <= 0
    assert 6 <= grid.start_s + result.span_s < 7


def test_000623_without_microwires_is_for_predict(written: Callable[..., Path]) -> None:
    session = read_session(written(rutishauser.write_000623, macro_only=True))
    contacts = choose_contacts(session, ContactChoice())
    assert {one.kind for one in contacts} == {"macro"}
    assert (len(contacts), session.units) == (16, ())


def test_000574_the_scalp_is_left_out(written: Callable[..., Path]) -> None:
    session = read_session(written(others.write_000574, lfp_hz=8000.0))
    assert [one.label for one in session.electrodes if one.kind == "scalp"] == ["F3", "F4", "C3"]
    assert not any("ecephys.eeg" in block.path for block in session.blocks)
    assert "/acquisition/ecephys.eeg left out: recorded on the scalp" in session.notes


def test_000574_one_group_of_all_contacts_is_cut_by_labels(written: Callable[..., Path]) -> None:
    session = read_session(written(others.write_000574, lfp_hz=8000.0))
    assert [one.bundle for one in session.electrodes[3:]] == [*["AHL"] * 8, *["ECR"] * 8, *["AL"] * 8]


def test_000574_parcels_of_an_atlas_are_structures(written: Callable[..., Path]) -> None:
    session = read_session(written(others.write_000574, lfp_hz=8000.0))
    assert [(one.region, one.hemisphere) for one in session.electrodes[3:8]] == [
        *[("hippocampus", "left")] * 3, (None, None), ("middle temporal", "right"),
    ]  # fmt: skip


def test_000574_where_spikes_can_be_seen_contacts_are_wires(written: Callable[..., Path]) -> None:
    session = read_session(written(others.write_000574, lfp_hz=8000.0))
    assert [one.kind for one in session.electrodes[3:]] == [*["micro"] * 16, *["macro"] * 8]
    assert {block.path for block in find_blocks(session, session.electrodes[3:11])} == {
        "/processing/ecephys/LFP/ecephys.lfp"
    }


def test_000574_pauses_between_trials_make_blocks(written: Callable[..., Path]) -> None:
    session = read_session(written(others.write_000574, lfp_hz=8000.0))
    blocks = [block for block in session.blocks if "ieeg" in block.path]
    assert [(block.rate_hz, block.start_s, block.stop_s) for block in blocks] == [(2000, 0, 8), (2000, 11, 19)]


def test_000576_units_at_macro_contacts_can_be_predicted_from_them(
    written: Callable[..., Path], tmp_path: Path
) -> None:
    path = written(others.write_000576)
    result = prepare_session(path, settings(predictor="macro"), tmp_path)
    assert result.inputs["macro"].of_unit.tolist() == [0, 0, 0]


def test_000576_without_wires_the_study_is_told_what_can_be_done(written: Callable[..., Path], tmp_path: Path) -> None:
    path = written(others.write_000576)
    with pytest.raises(NoSignalError, match="only macro contacts were recorded: 'nsi predict' applies a trained model"):
        prepare_session(path, settings(), tmp_path)


def test_wires_named_after_their_headstage_are_placed(written: Callable[..., Path]) -> None:
    assert places_of(read_session(written(others.write_neuralynx_export))) == {
        ("GA1", "amygdala", "right", "micro"): 8,
        ("GA2", "entorhinal", "right", "micro"): 8,
        ("GA3", "hippocampus", "right", "micro"): 8,
    }


def test_clock_that_counts_from_1970_keeps_spikes_on_the_signal(written: Callable[..., Path], tmp_path: Path) -> None:
    path = written(others.write_neuralynx_export, 6.0)
    result = prepare_session(path, settings(), tmp_path)
    assert result.grid.start_s == pytest.approx(1.7e9)
    assert result.counts.sum(axis=0).tolist() == [len(times) for times in spike_trains(3, 6.0)]


@pytest.mark.parametrize("write", [*rutishauser.FILES.values(), others.write_000576, others.write_neuralynx_export])
def test_every_unit_is_linked_to_contacts_with_a_place(
    write: Callable[[Path], Path], written: Callable[..., Path]
) -> None:
    session = read_session(written(write))
    assert session.units
    assert all(session.electrode(row).region for unit in session.units for row in unit.electrode_rows)
    assert all(len(unit.electrode_rows) == 1 for unit in session.units)


def test_spikes_are_the_written_ones(written: Callable[..., Path]) -> None:
    units = read_session(written(rutishauser.write_000673, 4.0)).units
    for unit, times in zip(units, spike_trains(5, 4.0), strict=True):
        np.testing.assert_array_equal(unit.spike_times_s, times)
