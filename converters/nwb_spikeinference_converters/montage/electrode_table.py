"""
The table of electrodes: from bundles to contacts, checked against the recordings.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nwb_spikeinference.errors import MontageError
from nwb_spikeinference.nwb.names import electrode_label
from nwb_spikeinference.recordings import Electrode, ElectrodeKind
from nwb_spikeinference.regions import canonical_region, parse_location
from nwb_spikeinference.session_config import BundleSettings, ElectrodeSettings, RecordingSettings, SessionSettings
from nwb_spikeinference_converters.protocol import may_be_one

USUAL_WIRES = 8  # microwires of a Behnke-Fried electrode, beside their reference


Recorded = Sequence[tuple[RecordingSettings, Sequence[int]]]  # every recording of contacts, and its channels


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wire:
    """One recorded contact of a bundle, as the settings number it."""

    bundle: BundleSettings
    number: int
    channel: int
    nsp: str | None
    kind: ElectrodeKind


def build_electrodes(settings: SessionSettings, recorded: Recorded) -> tuple[Electrode, ...]:
    """
    All contacts of the session, in the order of the bundles: microwires, macro contacts, reference.

    Parameters
    ----------
    recorded : sequence of (RecordingSettings, sequence of int)
        Recordings of electrodes, and their channels; if there is none (analog inputs only), channels are taken on
        trust.

    Raises
    ------
    MontageError
        For an unknown region or device, a label that names the other side, labels or channels that stand twice, or a
        channel that no recording has.
    """
    _check_names(settings)
    wires = [wire for bundle in settings.bundles for wire in _wires_of(bundle)]
    _require_own_channels(wires)
    contacts = _assign_contacts(settings.electrodes, wires)
    electrodes: list[Electrode] = []
    for bundle in settings.bundles:
        region = _region(bundle, settings.regions)
        common = Electrode(row=0, label="", bundle=bundle.label, region=region, hemisphere=bundle.hemisphere)
        for wire in _wires_of(bundle):
            electrode = replace(_recorded_contact(common, wire, recorded), row=len(electrodes))
            contact = contacts.get(wire)
            if contact is not None:
                x, y, z = contact.x, contact.y, contact.z
                xyz = None if x is None or y is None or z is None else (x, y, z)
                electrode = replace(electrode, label=contact.label, wire=contact.wire, xyz=xyz)
            electrodes.append(electrode)
        if bundle.reference is not None:
            electrodes.append(
                replace(
                    common,
                    row=len(electrodes),
                    label=electrode_label(bundle.label, bundle.reference, "reference"),
                    wire=bundle.reference,
                    kind="reference",
                    nsp=bundle.nsp,
                )
            )
    return tuple(electrodes)


def montage_notes(electrodes: Sequence[Electrode]) -> tuple[str, ...]:
    """What is unusual, though it may be meant."""
    wires = Counter(electrode.bundle for electrode in electrodes if electrode.kind == "micro")
    return tuple(
        f"bundle {bundle!r} has {count} microwires, where a Behnke-Fried electrode has {USUAL_WIRES}"
        for bundle, count in wires.items()
        if count != USUAL_WIRES
    )


def _wires_of(bundle: BundleSettings) -> tuple[_Wire, ...]:
    kinds: tuple[tuple[ElectrodeKind, tuple[int, ...], str | None], ...] = (
        ("micro", bundle.channels, bundle.nsp),
        ("macro", bundle.macro_channels, bundle.macro_nsp or bundle.nsp),
    )
    return tuple(
        _Wire(bundle=bundle, number=number, channel=channel, nsp=nsp, kind=kind)
        for kind, channels, nsp in kinds
        for number, channel in enumerate(channels, start=1)
    )


def _recorded_contact(common: Electrode, wire: _Wire, recorded: Recorded) -> Electrode:
    """A contact with the kind and the recorder of the recording that has its channel."""
    source = _recording_of(wire, recorded)
    return replace(
        common,
        label=electrode_label(wire.bundle.label, wire.number, wire.kind),
        wire=wire.number,
        channel=wire.channel,
        kind=wire.kind if wire.kind == "macro" or source is None else source.electrode_type,
        nsp=wire.nsp or (None if source is None else source.nsp),
    )


def _check_names(settings: SessionSettings) -> None:
    for label, times in Counter(bundle.label for bundle in settings.bundles).items():
        if times > 1:
            raise MontageError(f"bundle {label!r} stands twice; labels must differ")
        if "/" in label or ":" in label:
            raise MontageError(f"bundle label {label!r} must not contain '/' or ':'")
    devices = Counter(device.name for device in settings.devices)
    for name, times in devices.items():
        if times > 1:
            raise MontageError(f"device {name!r} stands twice; names must differ")
    named = [
        *(bundle.nsp for bundle in settings.bundles),
        *(bundle.macro_nsp for bundle in settings.bundles),
        *(contact.nsp for contact in settings.electrodes),
        *(recording.nsp for recording in settings.recordings),
        *(entry.nsp for entry in settings.events),
        *(entry.nsp for entry in settings.units),
        *(entry.nsp for entry in settings.sync),
    ]
    for nsp in named:
        if nsp is not None and nsp not in devices:
            raise MontageError(
                f"nsp {nsp!r} is none of the devices ({', '.join(devices) or 'none listed'}); add it there"
            )


def _region(bundle: BundleSettings, regions: Mapping[str, str]) -> str:
    """The bundle's region; refused if its label is that of the same region on the other side."""
    try:
        region = canonical_region(bundle.region, regions)
    except MontageError as error:
        raise MontageError(f"bundle {bundle.label!r}: {error}") from None
    named = parse_location(bundle.label, regions)
    if named.region == region and named.hemisphere not in (None, bundle.hemisphere):
        raise MontageError(
            f"bundle {bundle.label!r}: its label reads as {named.text}, but its hemisphere is {bundle.hemisphere!r}; "
            f"correct one of them"
        )
    return region


def _assign_contacts(contacts: Sequence[ElectrodeSettings], wires: Sequence[_Wire]) -> dict[_Wire, ElectrodeSettings]:
    """The wire that each listed contact is: by channel, and by its label where two recorders number alike."""
    found: dict[_Wire, ElectrodeSettings] = {}
    for contact in contacts:
        fitting = [wire for wire in wires if wire.channel == contact.channel and may_be_one(contact.nsp, wire.nsp)]
        if not fitting:
            raise MontageError(f"contact {contact.label!r} is on channel {contact.channel}, which is in no bundle")
        named = [wire for wire in fitting if contact.label.startswith(wire.bundle.label)]
        longest = max((len(wire.bundle.label) for wire in named), default=0)
        best = [wire for wire in named if len(wire.bundle.label) == longest] or fitting
        if len(best) > 1:
            bundles = " and ".join(repr(wire.bundle.label) for wire in best)
            raise MontageError(
                f"contact {contact.label!r} is on channel {contact.channel}, which bundles {bundles} have on different "
                f"recorders; add a column 'nsp'"
            )
        if best[0] in found:
            raise MontageError(
                f"contacts {found[best[0]].label!r} and {contact.label!r} are both on channel {contact.channel}; "
                f"list each channel once"
            )
        found[best[0]] = contact
    return found


def _require_own_channels(wires: Sequence[_Wire]) -> None:
    for place, wire in enumerate(wires):
        for other in wires[:place]:
            if other.channel == wire.channel and may_be_one(wire.nsp, other.nsp):
                first, second = other.bundle.label, wire.bundle.label
                both = f"bundles {first!r} and {second!r}" if first != second else f"bundle {first!r} twice"
                raise MontageError(
                    f"channel {wire.channel} is claimed by {both}; each channel belongs to one contact (where two "
                    f"recorders number alike, name them: 'nsp', 'macro_nsp')"
                )


def _recording_of(wire: _Wire, recorded: Recorded) -> RecordingSettings | None:
    if not recorded:
        return None
    holding = [one for one, channels in recorded if wire.channel in channels and may_be_one(wire.nsp, one.nsp)]
    if not holding:
        files = "; ".join(f"{one.file} has {_ranges(channels)}" for one, channels in recorded)
        kind = "macro channel" if wire.kind == "macro" else "channel"
        raise MontageError(f"bundle {wire.bundle.label!r}: {kind} {wire.channel} is in no recording ({files})")
    fitting = [one for one in holding if (one.electrode_type == "macro") == (wire.kind == "macro")] or holding
    recorders = sorted({one.nsp for one in fitting if one.nsp is not None})
    if len(recorders) > 1:
        raise MontageError(
            f"bundle {wire.bundle.label!r}: {' and '.join(recorders)} both have channel {wire.channel}; "
            f"add 'nsp' to the bundle"
        )
    return fitting[0]


def _ranges(channels: Sequence[int]) -> str:
    """Numbers as ranges, e.g. ``1-8, 17``."""
    parts: list[list[int]] = []
    for channel in sorted(channels):
        if parts and channel == parts[-1][1] + 1:
            parts[-1][1] = channel
        else:
            parts.append([channel, channel])
    return ", ".join(f"{low}-{high}" if high > low else f"{low}" for low, high in parts) or "no channel"


def row_of_channel(electrodes: Sequence[Electrode], channel: int, nsp: str | None, source: str) -> int:
    """
    Row of the electrode that a unit was recorded on.

    Raises
    ------
    MontageError
        If no bundle, or more than one recorder, has this channel.
    """
    rows = [one.row for one in electrodes if one.channel == channel and may_be_one(nsp, one.nsp)]
    if not rows:
        known = _ranges([one.channel for one in electrodes if one.channel is not None])
        raise MontageError(
            f"{source}: a unit is on channel {channel}, which is in no bundle (they have {known}); complete 'bundles'"
        )
    if len(rows) > 1:
        raise MontageError(
            f"{source}: a unit is on channel {channel}, which two recorders have; give the units of each recorder "
            f"their own entry with 'nsp'"
        )
    return rows[0]
