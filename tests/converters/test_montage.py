"""From bundles to electrodes."""

import pytest

from nwb_spikeinference.errors import MontageError
from nwb_spikeinference.session_config import SessionSettings
from nwb_spikeinference_converters.montage import RecordedChannels, build_electrodes, row_of_channel

RAW = RecordedChannels(file="raw.ns6", nsp=None, kind="micro", channels=tuple(range(1, 17)))
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
    macro = RecordedChannels(file="macro.ns3", nsp=None, kind="macro", channels=(9, 10))
    micro = RecordedChannels(file="raw.ns6", nsp=None, kind="micro", channels=(1, 2, 3))
    kinds = [electrode.kind for electrode in build_electrodes(settings_with(LEFT, RIGHT), [micro, macro])]
    assert kinds == ["micro"] * 3 + ["macro"] * 2


def test_two_recorders_may_use_the_same_numbers() -> None:
    devices = [{"name": "A"}, {"name": "B"}]
    recorded = [
        RecordedChannels(file=f"{nsp}.ns6", nsp=nsp, kind="micro", channels=tuple(range(1, 9))) for nsp in ("A", "B")
    ]
    twin = {**LEFT, "label": "RHIP", "hemisphere": "right", "nsp": "B"}
    electrodes = build_electrodes(settings_with({**LEFT, "nsp": "A"}, twin, devices=devices), recorded)
    assert row_of_channel(electrodes, 2, "B", "units.mat") == 4
    with pytest.raises(MontageError, match="channel 2, which two recorders have"):
        row_of_channel(electrodes, 2, None, "units.mat")


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
