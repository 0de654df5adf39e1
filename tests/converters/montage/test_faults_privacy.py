"""What stands in recorder files and may not reach the NWB file; paths that leave the output folder."""

from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from nwb_spikeinference.errors import SettingsError
from nwb_spikeinference_converters.conversion_report import ConversionReport
from nwb_spikeinference_converters.sessions.convert_session import convert_session
from tests.converters.blackrock_files import (
    PTP_HZ,
    PTP_START_NS,
    STARTED,
    comment,
    digital,
    make_samples,
    ptp_stamps,
    spike,
    write_nev,
    write_nsx,
    write_ptp_nsx,
)
from tests.converters.phy_files import write_phy

N_SAMPLES = 30_000
ANALOG_CHANNEL = 129
PLANTED = "14.03.2019 MRN 1234567"  # in every text of session.yaml, and in the labels of channels
TEXTS = (
    "Jane", "Doe", "4711", "Patient", "raw.ns6", "raw.nev",  # of headers, comments and settings
    STARTED.strftime("%Y-%m-%d"), STARTED.strftime("%Y%m%d"), STARTED.strftime("%d.%m.%Y"), "10:20:30",
)  # fmt: skip


def later(seconds: float) -> int:
    return PTP_START_NS + round(seconds * PTP_HZ)


@pytest.fixture(scope="module")
def report(write_session, tmp_path_factory: pytest.TempPathFactory) -> ConversionReport:
    """A recording on a PTP clock that holds, in a folder that is named by, what identifies a patient."""
    folder = tmp_path_factory.mktemp("Doe_Jane_4711")
    write_ptp_nsx(folder / "raw.ns6", ptp_stamps(N_SAMPLES), make_samples(N_SAMPLES, 8))
    packets = [
        digital(later(0.1), 7),
        comment(later(0.2), "Jane Doe, 4711, tired"),
        comment(later(0.3), "eyes open"),
        *(spike(later(0.05 * n)) for n in range(1, 19)),
    ]
    write_nev(folder / "raw.nev", packets, spec=(3, 0), ticks_hz=PTP_HZ)
    session_file = write_session(
        folder,
        subject={"subject_id": "P01", "age": "P93Y", "sex": "F", "description": "see /data/Doe/4711.pdf"},
        session={
            "session_id": "baseline",
            "start": STARTED.isoformat(),
            "description": f"recorded {STARTED.strftime('%d.%m.%Y')}, {folder}/raw.ns6",
        },
        recordings=[{"format": "blackrock", "file": "raw.ns6"}],
        events=[{"format": "blackrock", "file": "raw.nev", "comments": {"eyes open": "rest"}}],
        units=[{"format": "nev", "file": "raw.nev"}],
        bundles=[{"label": "LHIP", "region": "hippocampus", "hemisphere": "left", "channels": list(range(1, 9))}],
    )
    return convert_session(session_file, folder / "nwb")


@pytest.fixture(scope="module")
def write_planted(write_session) -> Callable[..., Path]:
    """A session whose every free text, and every channel's label in the recorder's header, identifies the patient."""

    def write(folder: Path, **changes: object) -> Path:
        write_nsx(folder / "raw.ns6", [(0, make_samples(N_SAMPLES, 8))])
        write_nsx(folder / "eye.ns2", [(0, make_samples(1000, 1))], channels=[ANALOG_CHANNEL], rate_hz=1000)
        header = (folder / "eye.ns2").read_bytes()
        assert header.count(b"wire129") == 1
        (folder / "eye.ns2").write_bytes(header.replace(b"wire129\0\0\0\0\0", b"Jane 140319\0"))
        write_nev(folder / "raw.nev", [digital(3000, 7)])
        (folder / "montage.csv").write_text(f"label,wire,channel\nLHIP1 {PLANTED},1,1\n", encoding="utf-8")
        write_phy(
            folder / "sorted",
            spike_times=np.array([3000, 6000, 9000, 12000, 15000]),
            tables={"cluster_group.tsv": f"cluster_id\tgroup\tAmp {PLANTED}\n2\tgood {PLANTED}\t1.5\n"},
        )
        content: dict[str, object] = {
            "subject": {"subject_id": "P01", "age": "P34Y", "sex": "F", "description": f"subject {PLANTED}"},
            "session": {"session_id": "baseline"}
            | {key: f"{key} {PLANTED}" for key in ("description", "institution", "lab")}
            | {"experimenter": [f"Doe {PLANTED}"]},
            "devices": [{"name": "NSP1", "model": f"Cerebus {PLANTED}", "manufacturer": f"Blackrock {PLANTED}"}],
            "recordings": [
                {"format": "blackrock", "file": "raw.ns6"},
                {"format": "blackrock", "file": "eye.ns2", "role": "analog"},
            ],
            "events": [{"format": "blackrock", "file": "raw.nev", "meanings": {7: f"seizure of {PLANTED}"}}],
            "units": [
                {"format": "phy", "file": "sorted", "channels": [1, 2, 3, 4, 5], "sorter": f"Kilosort {PLANTED}"}
            ],
            "bundles": [{"label": "LHIP", "region": "hippocampus", "hemisphere": "left", "channels": [*range(1, 9)]}],
            "electrodes": "montage.csv",
        }
        return write_session(folder, **(content | changes))

    return write


@pytest.fixture(scope="module")
def planted(write_planted: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    return convert_session(write_planted(folder), folder / "nwb").path


@pytest.fixture(scope="module")
def converted(report: ConversionReport) -> Path:
    return report.path


def all_texts(path: Path) -> Iterator[str]:
    """Bytes as they lie there, and every name, attribute and string value of the file."""
    yield path.read_bytes().decode("latin-1")
    with h5py.File(path) as file:
        found: list[str] = [f"{name}={value}" for name, value in file.attrs.items()]

        def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
            found.extend([name, *(f"{key}={value}" for key, value in item.attrs.items())])
            if isinstance(item, h5py.Dataset) and h5py.check_string_dtype(item.dtype):
                found.extend(map(str, np.ravel(item.asstr()[()])))

        file.visititems(visit)
    yield "\n".join(found)


def all_numbers(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Numeric values by name, signals left out."""
    with h5py.File(path) as file:
        found: list[tuple[str, np.ndarray]] = []

        def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
            values = {f"{name}@{key}": np.asarray(value) for key, value in item.attrs.items()}
            if isinstance(item, h5py.Dataset) and item.ndim < 2:
                values[name] = np.asarray(item[()])
            found.extend((key, value) for key, value in values.items() if np.issubdtype(value.dtype, np.number))

        file.visititems(visit)
        yield from found


def test_the_inspector_reports_nothing_worse_than_a_suggestion(report: ConversionReport) -> None:
    assert [finding for finding in report.findings if not finding.startswith("suggestion")] == []


@pytest.mark.parametrize("text", TEXTS)
def test_f42_no_text_of_the_sources_that_identifies_reaches_the_file(converted: Path, text: str) -> None:
    for content in all_texts(converted):
        assert text not in content
        assert text.encode("utf-16-le").decode("latin-1") not in content


@pytest.mark.parametrize("text", ["2019", "1234567", "Jane", "140319", "wire1"])
def test_f42_no_planted_text_reaches_the_file(planted: Path, text: str) -> None:
    for content in all_texts(planted):
        assert text not in content


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("general/subject/description", "subject [removed] [removed]"),
        ("session_description", "description [removed] [removed]"),
        ("general/institution", "institution [removed] [removed]"),
        ("general/lab", "lab [removed] [removed]"),
        ("general/experimenter", "Doe [removed] [removed]"),
        ("general/extracellular_ephys/electrodes/label", "LHIP1 [removed] [removed]"),
        ("units/sorter", "Kilosort [removed] [removed]"),
        ("units/sorter_label", "good [removed] [removed]"),
        ("events/digital_events/meanings_tables/value_meanings/meaning", "seizure of [removed] [removed]"),
    ],
)
def test_f42_the_rest_of_a_text_stays(planted: Path, place: str, expected: str) -> None:
    with h5py.File(planted) as file:
        assert np.ravel(file[place].asstr()[()])[0] == expected


def test_f42_recorders_lose_what_identifies_in_model_and_manufacturer(planted: Path) -> None:
    with h5py.File(planted) as file:
        (model,) = file["general/devices/models"].values()
        assert (model.attrs["model_number"], model.attrs["manufacturer"]) == (
            "Cerebus [removed] [removed]",
            "Blackrock [removed] [removed]",
        )


def test_f42_analog_channels_go_by_their_numbers(planted: Path) -> None:
    with h5py.File(planted) as file:
        description = file["acquisition/AnalogSignals"].attrs["description"]
    assert description == "Analog inputs as the recorder digitised them, 1000 Hz; columns: channel 129"


def test_all_texts_stay_where_the_laboratory_wants_them(write_planted: Callable[..., Path], tmp_path: Path) -> None:
    path = convert_session(write_planted(tmp_path, deidentify=False), tmp_path / "nwb").path
    with h5py.File(path) as file:
        assert file["acquisition/AnalogSignals"].attrs["description"].endswith("columns: Jane 140319")
        assert file["units/sorter"].asstr()[0] == f"Kilosort {PLANTED}"
        assert (
            file["events/digital_events/meanings_tables/value_meanings/meaning"].asstr()[0] == f"seizure of {PLANTED}"
        )


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"devices": [{"name": "NSP 2019-03-14"}]}, r"devices\[0\]\.name 'NSP 2019-03-14' holds a date or number"),
        (
            {"bundles": [{"label": "LHIP 14.3.2019", "region": "CA1", "hemisphere": "L", "channels": [1]}]},
            r"bundles\[0\]\.label 'LHIP 14\.3\.2019' holds a date or number",
        ),
    ],
)
def test_f42_a_name_in_the_file_that_identifies_is_refused(
    write_planted: Callable[..., Path], tmp_path: Path, changes: dict[str, object], match: str
) -> None:
    with pytest.raises(SettingsError, match=match):
        convert_session(write_planted(tmp_path, **changes), tmp_path / "nwb")


@pytest.mark.parametrize("per_second", [1, 1e3, 1e6, 1e9])
def test_f42_no_absolute_time_reaches_the_file(converted: Path, per_second: float) -> None:
    day = 86400 * per_second
    started = PTP_START_NS / PTP_HZ * per_second
    numbers = dict(all_numbers(converted))
    assert len(numbers) > 30
    assert [name for name, values in numbers.items() if np.any(np.abs(values - started) < day)] == []


def test_f42_the_session_starts_in_2000_and_the_age_is_over_89(converted: Path) -> None:
    with h5py.File(converted) as file:
        assert file["session_start_time"].asstr()[()] == "2000-01-01T00:00:00+00:00"
        assert file["general/subject/age"].asstr()[()] == "P90Y/"
        assert file["general/subject/description"].asstr()[()] == "see [removed]"


def test_f42_events_keep_their_time_from_the_first_sample(converted: Path) -> None:
    with h5py.File(converted) as file:
        np.testing.assert_allclose(file["events/digital_events/timestamp"][()], [0.1], atol=1e-6)
        np.testing.assert_allclose(file["events/comments/timestamp"][()], [0.2, 0.3], atol=1e-6)
        assert file["events/comments/comment"].asstr()[()].tolist() == ["[removed]", "eyes open"]


@pytest.mark.parametrize(
    ("key", "names", "match"),
    [
        ("session", {"session_id": "20210304"}, r"session\.session_id '20210304' holds a date"),
        ("session", {"session_id": "rest-2021-03-04"}, r"session\.session_id 'rest-2021-03-04' holds a date"),
        ("subject", {"subject_id": "04Mar2021", "age": "P1Y"}, r"subject\.subject_id '04Mar2021' holds a date"),
        ("subject", {"subject_id": "0815471", "age": "P1Y"}, r"subject\.subject_id '0815471' looks like a hospital's"),
    ],
)
def test_f42_a_file_name_that_identifies_is_refused(
    edited_session, tmp_path: Path, key: str, names: dict[str, str], match: str
) -> None:
    with pytest.raises(SettingsError, match=match):
        convert_session(edited_session(**{key: names}), tmp_path / "nwb")
    assert not (tmp_path / "nwb").exists()


@pytest.mark.parametrize("name", ["../../x", "/abs", "C:\\x", "a\0b", "a" * 300, "ses_1", ".hidden", "-x", "a/b"])
@pytest.mark.parametrize("key", ["subject_id", "session_id"])
def test_f47_a_name_that_would_leave_the_output_folder_is_refused(
    write_session, tmp_path: Path, key: str, name: str
) -> None:
    content = {"subject": {"subject_id": "P01", "age": "P34Y"}, "session": {"session_id": "a"}}
    content[key.removesuffix("_id")][key] = name
    recordings = [{"format": "blackrock", "file": "raw.ns6"}]
    (tmp_path / "in").mkdir()
    with pytest.raises(SettingsError, match=rf"{key}: string should "):
        convert_session(write_session(tmp_path / "in", recordings=recordings, **content), tmp_path / "out")
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "session.yaml"]


@pytest.mark.parametrize("name", ["a/b", "../x", "NSP:1", ""])
def test_f47_a_recorder_whose_name_is_a_path_is_refused(edited_session, tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=r"devices\[0\]\.name: string should match pattern"):
        convert_session(edited_session(devices=[{"name": name}]), tmp_path / "nwb")
