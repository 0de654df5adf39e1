"""From bundles to electrodes."""

import pytest

from nwb_spikeinference.errors import MontageError
from nwb_spikeinference.session_config import RecordingSettings, SessionSettings
from nwb_spikeinference_converters.montage.electrode_table import build_electrodes, montage_notes, row_of_channel


def recording(
    file: str, channels: tuple[int, ...], nsp: str | None = None, kind: str = "micro"
) -> tuple[RecordingSettings, tuple[int, ...]]:
    settings = {"format": "blackrock", "file": file, "nsp": nsp, "electrode_type": kind}
    return RecordingSettings.model_validate(settings), channels


RAW = recording("raw.ns6", tuple(range(1, 17)))
LEFT = {"label": "LHIP", "region": "CA1", "hemisphere": "left", "channels": [1, 2, 3]}
RIGHT = {"label": "RAMY", "region": "amygdala", "hemisphere": "R", "channels": [9, 10]}


def settings_with(*bundles: dict, **others: object) -> SessionSettings:
    return SessionSettings.model_validate(
        {
            "subject": {"subject_id": "P01"},
            "session": {"session_id": "a"},
            "recordings": [{"format": "blackrock", "file": "raw.ns6"}],
            "bundles": bundles,
            **others,
        }
    )


def test_wires_are_numbered_within_their_bundle() -> None:
    electrodes = build_electrodes(settings_with(LEFT, RIGHT), [RAW])
    assert [electrode.label for electrode in electrodes] == ["LHIP1", "LHIP2", "LHIP3", "RAMY1", "RAMY2"]
    assert [electrode.channel for electrode in electrodes] == [1, 2, 3, 9, 10]


def test_a_subfield_becomes_its_structure() -> None:
    assert build_electrodes(settings_with(LEFT), [RAW])[0].region == "hippocampus"


def test_a_laboratorys_own_spelling_is_known() -> None:
    odd = {**LEFT, "region": "zone X"}
    assert build_electrodes(settings_with(odd, regions={"zone X": "claustrum"}), [RAW])[0].region == "claustrum"


def test_the_reference_wire_is_a_contact_that_was_not_recorded() -> None:
    *_, reference = build_electrodes(settings_with({**LEFT, "reference": 9}), [RAW])
    assert (reference.kind, reference.wire, reference.channel) == ("reference", 9, None)


def test_contacts_of_a_macro_recording_are_macro() -> None:
    macro = recording("macro.ns3", (9, 10), kind="macro")
    micro = recording("raw.ns6", (1, 2, 3))
    kinds = [electrode.kind for electrode in build_electrodes(settings_with(LEFT, RIGHT), [micro, macro])]
    assert kinds == ["micro"] * 3 + ["macro"] * 2


def test_two_recorders_may_use_the_same_numbers() -> None:
    devices = [{"name": "A"}, {"name": "B"}]
    recorded = [recording(f"{nsp}.ns6", tuple(range(1, 9)), nsp=nsp) for nsp in ("A", "B")]
    twin = {**LEFT, "label": "RHIP", "hemisphere": "right", "nsp": "B"}
    electrodes = build_electrodes(settings_with({**LEFT, "nsp": "A"}, twin, devices=devices), recorded)
    assert row_of_channel(electrodes, 2, "B", "units.mat") == 4
    with pytest.raises(MontageError, match="channel 2, which two recorders have"):
        row_of_channel(electrodes, 2, None, "units.mat")


def test_a_channel_that_two_recorders_have_needs_its_recorder() -> None:
    recorded = [recording(f"{nsp}.ns6", tuple(range(1, 9)), nsp=nsp) for nsp in ("A", "B")]
    devices = [{"name": "A"}, {"name": "B"}]
    with pytest.raises(MontageError, match="bundle 'LHIP': A and B both have channel 1; add 'nsp'"):
        build_electrodes(settings_with(LEFT, devices=devices), recorded)


def test_coordinates_come_from_the_contacts() -> None:
    contacts = [{"label": "LHIP2", "wire": 2, "channel": 2, "x": -25.0, "y": -20.5, "z": -12.0}]
    electrodes = build_electrodes(settings_with(LEFT, electrodes=contacts), [RAW])
    assert [electrode.xyz for electrode in electrodes] == [None, (-25.0, -20.5, -12.0), None]


def test_a_contact_of_no_bundle_is_refused() -> None:
    contacts = [{"label": "LHIP9", "wire": 9, "channel": 40}]
    with pytest.raises(MontageError, match="contact 'LHIP9' is on channel 40, which is in no bundle"):
        build_electrodes(settings_with(LEFT, electrodes=contacts), [RAW])


def test_a_label_that_stands_twice_is_refused() -> None:
    with pytest.raises(MontageError, match="bundle 'LHIP' stands twice"):
        build_electrodes(settings_with(LEFT, LEFT), [RAW])


MACRO = recording("macro.ns3", (33, 34), kind="macro")


def test_a_bundle_has_microwires_and_macro_contacts() -> None:
    bundle = {**LEFT, "macro_channels": [33, 34], "reference": 9}
    electrodes = build_electrodes(settings_with(bundle), [RAW, MACRO])
    assert [(one.label, one.kind, one.wire, one.channel) for one in electrodes] == [
        ("LHIP1", "micro", 1, 1),
        ("LHIP2", "micro", 2, 2),
        ("LHIP3", "micro", 3, 3),
        ("LHIPmacro1", "macro", 1, 33),
        ("LHIPmacro2", "macro", 2, 34),
        ("LHIPref", "reference", 9, None),
    ]
    assert {(one.bundle, one.region, one.hemisphere) for one in electrodes} == {("LHIP", "hippocampus", "left")}


def test_macro_contacts_in_the_file_of_the_microwires_are_macro() -> None:
    electrodes = build_electrodes(settings_with({**LEFT, "macro_channels": [9]}), [RAW])
    assert [one.kind for one in electrodes] == ["micro", "micro", "micro", "macro"]


def test_macro_contacts_of_another_recorder_may_use_the_same_numbers() -> None:
    other = recording("clinical.edf", (1, 2), nsp="Clinic", kind="macro")
    own = recording("raw.ns6", (1, 2, 3), nsp="NSP1")
    bundle = {**LEFT, "nsp": "NSP1", "macro_channels": [1, 2], "macro_nsp": "Clinic"}
    devices = [{"name": "NSP1"}, {"name": "Clinic"}]
    electrodes = build_electrodes(settings_with(bundle, devices=devices), [own, other])
    assert [one.nsp for one in electrodes] == ["NSP1"] * 3 + ["Clinic"] * 2


def test_a_channel_that_two_recordings_have_is_what_the_settings_say() -> None:
    both = [recording("macro.ns3", (1, 2, 3, 9), kind="macro"), RAW]
    electrodes = build_electrodes(settings_with({**LEFT, "macro_channels": [9]}), both)
    assert [one.kind for one in electrodes] == ["micro", "micro", "micro", "macro"]


def test_a_macro_channel_that_no_recording_has_is_refused() -> None:
    with pytest.raises(MontageError, match=r"'LHIP': macro channel 77 is in no recording \(raw\.ns6 has 1-16\)"):
        build_electrodes(settings_with({**LEFT, "macro_channels": [77]}), [RAW])


def test_a_macro_contact_on_a_wires_channel_is_refused() -> None:
    with pytest.raises(MontageError, match=r"channel 3 is claimed by bundle 'LHIP' twice; .*'macro_nsp'"):
        build_electrodes(settings_with({**LEFT, "macro_channels": [3]}), [RAW])


def test_a_label_of_the_other_side_is_refused() -> None:
    with pytest.raises(MontageError, match="'RAMY': its label reads as right amygdala, but its hemisphere is 'left'"):
        build_electrodes(settings_with({**RIGHT, "hemisphere": "left"}), [RAW])


@pytest.mark.parametrize(("label", "region"), [("LA", "orbitofrontal"), ("B1", "amygdala"), ("MTG", "middle temporal")])
def test_a_label_that_names_no_side_of_the_region_says_nothing(label: str, region: str) -> None:
    bundle = {**RIGHT, "label": label, "region": region}
    assert build_electrodes(settings_with(bundle), [RAW])[0].hemisphere == "right"


def test_eight_microwires_are_usual_and_other_numbers_noted() -> None:
    eight = {**RIGHT, "channels": list(range(9, 17)), "reference": 9, "macro_channels": [33]}
    electrodes = build_electrodes(settings_with(LEFT, eight), [RAW, MACRO])
    assert montage_notes(electrodes) == ("bundle 'LHIP' has 3 microwires, where a Behnke-Fried electrode has 8",)


def test_macro_contacts_alone_are_not_counted_as_wires() -> None:
    bundle = {key: value for key, value in LEFT.items() if key != "channels"}
    assert montage_notes(build_electrodes(settings_with({**bundle, "macro_channels": [33]}), [MACRO])) == ()


def test_a_contact_belongs_to_the_bundle_with_the_longest_label_that_fits() -> None:
    devices = [{"name": "A"}, {"name": "B"}]
    longer = {**LEFT, "label": "LHIPP", "nsp": "B"}
    contacts = [{"label": "LHIPP2", "wire": 2, "channel": 2, "x": 1.0, "y": 2.0, "z": 3.0}]
    settings = settings_with({**LEFT, "nsp": "A"}, longer, devices=devices, electrodes=contacts)
    placed = [one.label for one in build_electrodes(settings, []) if one.xyz is not None]
    assert placed == ["LHIPP2"]


def test_a_contact_that_two_recorders_may_have_is_refused() -> None:
    devices = [{"name": "A"}, {"name": "B"}]
    contacts = [{"label": "e2", "wire": 2, "channel": 2}]
    bundles = ({**LEFT, "nsp": "A"}, {**LEFT, "label": "LHIPP", "nsp": "B"})
    with pytest.raises(
        MontageError, match=r"'e2' is on channel 2, which bundles 'LHIP' and 'LHIPP' have .* column 'nsp'"
    ):
        build_electrodes(settings_with(*bundles, devices=devices, electrodes=contacts), [])
    named = [{**contacts[0], "nsp": "B"}]
    electrodes = build_electrodes(settings_with(*bundles, devices=devices, electrodes=named), [])
    assert [one.bundle for one in electrodes if one.label == "e2"] == ["LHIPP"]


def test_two_contacts_on_one_channel_are_refused() -> None:
    contacts = [{"label": label, "wire": 2, "channel": 2} for label in ("LHIP2", "LHIP3")]
    with pytest.raises(MontageError, match="contacts 'LHIP2' and 'LHIP3' are both on channel 2"):
        build_electrodes(settings_with(LEFT, electrodes=contacts), [RAW])


def test_a_recorder_that_is_listed_twice_is_refused() -> None:
    with pytest.raises(MontageError, match="device 'A' stands twice"):
        build_electrodes(settings_with(LEFT, devices=[{"name": "A"}, {"name": "A"}]), [RAW])


def test_an_unknown_recorder_of_events_is_refused() -> None:
    events = [{"format": "blackrock", "file": "raw.nev", "nsp": "NSP9"}]
    with pytest.raises(MontageError, match="nsp 'NSP9' is none of the devices"):
        build_electrodes(settings_with(LEFT, events=events), [RAW])
