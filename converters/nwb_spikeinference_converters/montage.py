"""
Which contact lies where: from bundles to electrodes, checked against the recordings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nwb_spikeinference.errors import MontageError
from nwb_spikeinference.nwb.names import electrode_label
from nwb_spikeinference.recordings import Electrode, ElectrodeKind
from nwb_spikeinference.regions import canonical_region
from nwb_spikeinference.session_config import BundleSettings, ElectrodeSettings, SessionSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedChannels:
    """Channels of one recording that are electrodes."""

    file: str
    nsp: str | None
    kind: ElectrodeKind
    channels: tuple[int, ...]

    def holds(self, channel: int, nsp: str | None) -> bool:
        """Whether this recording has a channel; recorders are compared only where both are named."""
        return channel in self.channels and (nsp is None or self.nsp is None or nsp == self.nsp)


def build_electrodes(settings: SessionSettings, recorded: Sequence[RecordedChannels]) -> tuple[Electrode, ...]:
    """
    All contacts of the session, in the order of the bundles.

    Parameters
    ----------
    recorded : sequence of RecordedChannels
        Recordings of electrodes; if there is none (analog inputs only), channels are taken on trust.

    Raises
    ------
    MontageError
        For an unknown region or device, labels or channels that stand twice, or a channel that no recording has.
    """
    _check_labels(settings)
    contacts = _contacts_by_channel(settings.electrodes, settings.bundles)
    owners: dict[tuple[str | None, int], str] = {}
    electrodes: list[Electrode] = []
    for bundle in settings.bundles:
        region = _region(bundle, settings.regions)
        for wire, channel in enumerate(bundle.channels, start=1):
            _claim(owners, bundle, channel)
            source = _recording_of(bundle, channel, recorded)
            contact = contacts.get((bundle.label, channel)) or contacts.get((None, channel))
            electrode = Electrode(
                row=len(electrodes),
                label=electrode_label(bundle.label, wire, "micro"),
                bundle=bundle.label,
                region=region,
                hemisphere=bundle.hemisphere,
                wire=wire,
                channel=channel,
                kind="micro" if source is None else source.kind,
                nsp=bundle.nsp or (None if source is None else source.nsp),
            )
            electrodes.append(electrode if contact is None else _with_contact(electrode, contact))
        if bundle.reference is not None:
            electrodes.append(
                Electrode(
                    row=len(electrodes),
                    label=electrode_label(bundle.label, bundle.reference, "reference"),
                    bundle=bundle.label,
                    region=region,
                    hemisphere=bundle.hemisphere,
                    wire=bundle.reference,
                    kind="reference",
                    nsp=bundle.nsp,
                )
            )
    return tuple(electrodes)


def _check_labels(settings: SessionSettings) -> None:
    labels = [bundle.label for bundle in settings.bundles]
    for label in labels:
        if labels.count(label) > 1:
            raise MontageError(f"bundle {label!r} stands twice; labels must differ")
        if "/" in label or ":" in label:
            raise MontageError(f"bundle label {label!r} must not contain '/' or ':'")
    devices = [device.name for device in settings.devices]
    named = [bundle.nsp for bundle in settings.bundles] + [recording.nsp for recording in settings.recordings]
    for nsp in named:
        if nsp is not None and nsp not in devices:
            raise MontageError(
                f"nsp {nsp!r} is none of the devices ({', '.join(devices) or 'none listed'}); add it there"
            )


def _region(bundle: BundleSettings, regions: Mapping[str, str]) -> str:
    try:
        return canonical_region(bundle.region, regions)
    except MontageError as error:
        raise MontageError(f"bundle {bundle.label!r}: {error}") from None


def _contacts_by_channel(
    contacts: Sequence[ElectrodeSettings], bundles: Sequence[BundleSettings]
) -> dict[tuple[str | None, int], ElectrodeSettings]:
    """Contacts by bundle where the label starts with it, and by channel alone."""
    known = {channel for bundle in bundles for channel in bundle.channels}
    found: dict[tuple[str | None, int], ElectrodeSettings] = {}
    for contact in contacts:
        if contact.channel not in known:
            raise MontageError(f"contact {contact.label!r} is on channel {contact.channel}, which is in no bundle")
        owner = next((bundle.label for bundle in bundles if contact.label.startswith(bundle.label)), None)
        found[(owner, contact.channel)] = contact
    return found


def _claim(owners: dict[tuple[str | None, int], str], bundle: BundleSettings, channel: int) -> None:
    rival = next(
        (
            label
            for (nsp, taken), label in owners.items()
            if taken == channel and (nsp is None or bundle.nsp is None or nsp == bundle.nsp)
        ),
        None,
    )
    if rival is not None:
        both = f"bundles {rival!r} and {bundle.label!r}" if rival != bundle.label else f"bundle {rival!r} twice"
        raise MontageError(f"channel {channel} is claimed by {both}; each channel belongs to one wire")
    owners[(bundle.nsp, channel)] = bundle.label


def _recording_of(
    bundle: BundleSettings, channel: int, recorded: Sequence[RecordedChannels]
) -> RecordedChannels | None:
    if not recorded:
        return None
    for recording in recorded:
        if recording.holds(channel, bundle.nsp):
            return recording
    files = "; ".join(f"{recording.file} has {_ranges(recording.channels)}" for recording in recorded)
    raise MontageError(f"bundle {bundle.label!r}: channel {channel} is in no recording ({files})")


def _ranges(channels: Sequence[int]) -> str:
    """Numbers as ranges, e.g. ``1-8, 17``."""
    parts: list[list[int]] = []
    for channel in sorted(channels):
        if parts and channel == parts[-1][1] + 1:
            parts[-1][1] = channel
        else:
            parts.append([channel, channel])
    return ", ".join(f"{low}-{high}" if high > low else f"{low}" for low, high in parts) or "no channel"


def _with_contact(electrode: Electrode, contact: ElectrodeSettings) -> Electrode:
    """Name, number and place of a contact, as the contacts' own list gives them."""
    x, y, z = contact.x, contact.y, contact.z
    xyz = None if x is None or y is None or z is None else (x, y, z)
    return replace(electrode, label=contact.label, wire=contact.wire, xyz=xyz)


def row_of_channel(electrodes: Sequence[Electrode], channel: int, nsp: str | None, source: str) -> int:
    """
    Row of the electrode that a unit was recorded on.

    Raises
    ------
    MontageError
        If no bundle, or more than one recorder, has this channel.
    """
    rows = [
        electrode.row
        for electrode in electrodes
        if electrode.channel == channel and (nsp is None or electrode.nsp is None or electrode.nsp == nsp)
    ]
    if not rows:
        known = _ranges([electrode.channel for electrode in electrodes if electrode.channel is not None])
        raise MontageError(
            f"{source}: a unit is on channel {channel}, which is in no bundle (they have {known}); complete 'bundles'"
        )
    if len(rows) > 1:
        raise MontageError(
            f"{source}: a unit is on channel {channel}, which two recorders have; give the units of each recorder "
            f"their own entry with 'nsp'"
        )
    return rows[0]
