"""Files of a simulated study, read back with neo."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from neo.rawio import BlackrockRawIO
from scipy.io import loadmat

from nwb_spikeinference.errors import ExistsError, InputError
from nwb_spikeinference.files import sha256_file
from nwb_spikeinference.session_config import SessionSettings
from nwb_spikeinference.settings import load_settings
from nwb_spikeinference.simulate.nsx_writer import write_nsx
from nwb_spikeinference.simulate.simulated_session import SimulatedSession
from nwb_spikeinference.simulate.simulated_study import SimulationSettings, simulate_session, write_blackrock_study

SETTINGS = SimulationSettings(participants=2, seconds=8, bundles=2, seed=4)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    write_blackrock_study(folder, SETTINGS)
    return folder


@pytest.fixture(scope="module")
def session() -> SimulatedSession:
    return simulate_session(SETTINGS, 0)


@pytest.fixture(scope="module")
def reader(study: Path) -> Iterator[Any]:
    reader = BlackrockRawIO(filename=str(study / "S01" / "raw"), nsx_to_load=6)
    reader.parse_header()
    yield reader
    for stream in getattr(reader, "_nsx_fids", {}).values():  # neo leaves open what it read
        stream.close()


@pytest.fixture(scope="module")
def units(study: Path) -> dict[str, Any]:
    content: dict[str, Any] = loadmat(study / "S01" / "units.mat", squeeze_me=True)
    return content


def test_each_participant_has_the_files_of_a_session_and_a_truth(study: Path) -> None:
    found = {str(path.relative_to(study)) for path in study.rglob("*") if path.is_file()}
    files = {
        f"{name}/{file}" for name in ("S01", "S02") for file in ("raw.ns6", "raw.nev", "units.mat", "session.yaml")
    }
    assert found == files | {"truth/S01.npz", "truth/S02.npz"}


def test_neo_reads_the_raw_samples_bit_for_bit(reader: Any, session: SimulatedSession) -> None:
    read = reader.get_analogsignal_chunk(stream_index=0)
    np.testing.assert_array_equal(read, np.concatenate(list(session.raw_blocks())))


def test_neo_reads_the_gain_rate_and_names(reader: Any) -> None:
    channels = reader.header["signal_channels"]
    assert set(channels["gain"]) == {0.25}
    assert set(channels["units"]) == {"uV"}
    assert set(channels["sampling_rate"]) == {30_000.0}
    assert list(channels["id"]) == [str(channel) for channel in range(1, 17)]
    assert list(channels["name"][:9]) == [*(f"LHIP{wire}" for wire in range(1, 9)), "RHIP1"]


def test_neo_finds_one_uninterrupted_segment_from_zero(reader: Any) -> None:
    assert reader.segment_count(0) == 1
    assert reader.get_signal_t_start(0, 0, 0) == 0.0


def test_neo_reads_the_spikes_of_every_class(reader: Any, session: SimulatedSession) -> None:
    places = {name: place for place, name in enumerate(reader.header["spike_channels"]["name"])}
    for unit in session.units:
        place = places[f"ch{unit.channel}#{unit.sorted_class}"]
        np.testing.assert_array_equal(reader.get_spike_timestamps(spike_channel_index=place), unit.spike_samples)


def test_unsorted_crossings_have_class_zero_on_every_channel(reader: Any, session: SimulatedSession) -> None:
    names = {str(name) for name in reader.header["spike_channels"]["name"]}
    expected = {f"ch{unit.channel}#{unit.sorted_class}" for unit in session.units}
    assert names - expected <= {f"ch{channel}#0" for channel in session.channels}
    assert len(names - expected) >= 12  # 3 are expected on each of 16 wires; some may have none


def test_neo_reads_the_waveforms_with_their_gain(reader: Any, session: SimulatedSession) -> None:
    names = list(reader.header["spike_channels"]["name"])
    unit = max(session.units, key=lambda unit: len(unit.spike_samples))
    place = names.index(f"ch{unit.channel}#{unit.sorted_class}")
    waveforms = reader.get_spike_raw_waveforms(spike_channel_index=place)
    gain = reader.header["spike_channels"]["wf_gain"][place]
    assert gain == 0.25
    assert waveforms.shape == (len(unit.spike_samples), 1, 48)
    assert (waveforms.mean(axis=0) * gain).min() == pytest.approx(-67, abs=7)


def test_neo_reads_the_digital_events(reader: Any) -> None:
    names = list(reader.header["event_channels"]["name"])
    times, _, labels = reader.get_event_timestamps(event_channel_index=names.index("digital_input_port"))
    assert list(times) == [75_000, 225_000]
    assert [int(label) for label in labels] == [1, 2]


def test_unit_file_has_one_element_per_spike(units: dict[str, Any], session: SimulatedSession) -> None:
    for unit in session.units:
        chosen = units["unit"] == unit.number
        np.testing.assert_array_equal(units["sample"][chosen], unit.spike_samples)
        assert set(units["channel"][chosen]) == {unit.channel}
    assert len(units["unit"]) == sum(len(unit.spike_samples) for unit in session.units)
    assert float(units["rate_hz"]) == 30_000


def test_unit_file_holds_waveforms_in_volts(units: dict[str, Any]) -> None:
    assert units["waveform"].shape == (len(units["unit"]), 48)
    assert units["waveform"].mean(axis=0).min() == pytest.approx(-67e-6, abs=7e-6)


def test_unit_file_does_not_tell_the_cell_type(units: dict[str, Any]) -> None:
    assert {name for name in units if not name.startswith("__")} == {"unit", "channel", "sample", "rate_hz", "waveform"}


def test_session_file_is_valid(study: Path) -> None:
    settings = load_settings(study / "S02" / "session.yaml", SessionSettings)
    assert settings.subject.subject_id == "S02"
    assert [bundle.label for bundle in settings.bundles] == ["LHIP", "LAMY"]
    assert settings.bundles[1].channels == tuple(range(9, 17))
    assert settings.bundles[1].reference is None


def test_truth_holds_intensities_latents_and_cell_types(study: Path, session: SimulatedSession) -> None:
    with np.load(study / "truth" / "S01.npz") as truth:
        np.testing.assert_allclose(truth["intensity_hz"], session.truth.intensity_hz, rtol=1e-6)
        assert list(truth["cell_type"]) == [unit.cell_type for unit in session.units]
        assert truth["slow"].shape == truth["gamma"].shape == (2, 8_000)


def test_same_seed_gives_the_same_bytes_in_a_smaller_study_too(study: Path, tmp_path: Path) -> None:
    write_blackrock_study(tmp_path, replace(SETTINGS, participants=1))
    written = [path for path in sorted(tmp_path.rglob("*")) if path.is_file()]
    assert len(written) == 5
    for path in written:
        assert sha256_file(path) == sha256_file(study / path.relative_to(tmp_path)), path.name


def test_existing_files_are_not_replaced_unasked(study: Path) -> None:
    before = sha256_file(study / "S01" / "raw.ns6")
    with pytest.raises(ExistsError, match=r"raw\.ns6: exists already; add --overwrite"):
        write_blackrock_study(study, SimulationSettings(participants=1, seconds=5, seed=9))
    assert sha256_file(study / "S01" / "raw.ns6") == before


def test_blocks_that_do_not_add_up_are_refused(tmp_path: Path) -> None:
    block = np.zeros((10, 1), dtype=np.int16)
    with pytest.raises(InputError, match="12 samples were announced but 10 came"):
        write_nsx(tmp_path / "a.ns6", [block], n_samples=12, channels=[1], labels=["LHIP1"], resolution_uv=0.25)
