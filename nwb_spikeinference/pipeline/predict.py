"""
A trained model on an NWB file, and what it infers in a copy of the file.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from nwb_spikeinference.config import StudySettings
from nwb_spikeinference.errors import MontageError, NoSignalError, ResourceError, SettingsError
from nwb_spikeinference.files import make_folder, sha256_file
from nwb_spikeinference.nwb.names import MODEL
from nwb_spikeinference.nwb.reading.read_session import open_signals
from nwb_spikeinference.nwb.results.prediction_writer import ContactRow, FilePrediction, write_prediction_copy
from nwb_spikeinference.nwb.results.result_records import ModelProvenance
from nwb_spikeinference.nwb.results.results_writer import require_writable
from nwb_spikeinference.pipeline.inference.infer_contacts import ContactReport, Inference, check_contacts
from nwb_spikeinference.pipeline.inference.inference_model import InferenceModel
from nwb_spikeinference.pipeline.inference.model_folder import SavedSettings
from nwb_spikeinference.pipeline.inference.training_range import describe_participant, describe_training
from nwb_spikeinference.pipeline.sessions.bundle_signal import find_blocks
from nwb_spikeinference.pipeline.sessions.reading import read_as_study
from nwb_spikeinference.pipeline.tasks.provenance import describe_architecture, program_versions
from nwb_spikeinference.recordings import Electrode, Session
from nwb_spikeinference.regions import canonical_region, parse_hemisphere


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactChoice:
    """Which contacts; empty: any. All three must hold."""

    regions: tuple[str, ...] = ()
    hemispheres: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()  # names of contacts


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionOutcome:
    """What was inferred, or in a dry run would be; `written` is None then."""

    contacts: tuple[ContactReport, ...]
    statements: tuple[str, ...]
    written: Path | None


def predict_file(
    model_folder: Path,
    source: Path,
    target: Path,
    choice: ContactChoice | None = None,
    *,
    overwrite: bool = False,
    dry_run: bool = False,
    study: StudySettings | None = None,
) -> PredictionOutcome:
    """
    Infer spiking at the contacts of an NWB file, and write it into a copy of the file.

    Parameters
    ----------
    model_folder : Path
        ``model/`` of a finished study.
    choice : ContactChoice, optional
        Some of the contacts; all that were recorded unless told.
    dry_run : bool
        Check everything, compute and write nothing.
    study : StudySettings, optional
        The file is read by the layout, the spellings of regions and the aliases of this study.

    Raises
    ------
    SettingsError
        If a region, side or channel is not in the file.
    InputError
        If the model or the file cannot be read, or the recording does not hold what the model needs.
    ExistsError, LockedError, ResourceError
        If the target exists and may not be replaced, is being written by another process, or does not fit on the disk.
    """
    model = InferenceModel.load(model_folder)
    require_writable(source, target, overwrite=overwrite)
    session = read_as_study(source, study)
    contacts = choose_contacts(session, choice or ContactChoice())
    if dry_run:
        statements = (*describe_training(model.settings), *describe_participant(model.settings, session.participant))
        return PredictionOutcome(
            contacts=check_contacts(model.settings, session, contacts), statements=statements, written=None
        )
    digest = sha256_file(source)
    make_folder(target.parent)
    with _room_beside(target) as folder:
        with open_signals(source) as open_block:
            inferred = model.infer(session, contacts, open_block, Path(folder))
        prediction = _as_file_content(inferred, model.settings, session, digest)
        write_prediction_copy(source, target, prediction, overwrite=overwrite)
    return PredictionOutcome(contacts=inferred.contacts, statements=inferred.statements, written=target)


def choose_contacts(session: Session, choice: ContactChoice) -> tuple[Electrode, ...]:
    """
    Contacts of a session that were recorded and fit a choice, in the order of the electrodes table.

    Raises
    ------
    NoSignalError
        If no contact was recorded.
    SettingsError
        If the choice names what the file does not hold, or nothing fits all of it.
    """
    recorded = [one for one in session.electrodes if one.kind != "reference" and find_blocks(session, [one])]
    if not recorded:
        raise NoSignalError(f"{session.path.name}: no contact with a continuous signal; 'nsi inspect' shows what is")
    where = session.path.name
    regions = [_named_region(text, recorded, where) for text in choice.regions]
    sides = [_named_side(text) for text in choice.hemispheres]
    for name in choice.channels:
        _require_named(name, sorted({one.label for one in recorded}), f"{where}: no recorded contact is named")
    chosen = [
        one
        for one in recorded
        if (not regions or one.region in regions)
        and (not sides or one.hemisphere in sides)
        and (not choice.channels or one.label in choice.channels)
    ]
    if not chosen:
        raise SettingsError(f"{where}: none of {len(recorded)} contacts fits all of region, hemisphere and channel")
    return tuple(chosen)


def _named_region(text: str, recorded: Sequence[Electrode], where: str) -> str:
    held = sorted({one.region for one in recorded if one.region})
    if text in held:  # a region that the laboratory named itself
        return text
    try:
        region = canonical_region(text)
    except MontageError:
        region = text
    _require_named(region, held, f"{where}: no recorded contact lies in region")
    return region


def _named_side(text: str) -> str:
    side = parse_hemisphere(text)
    if side is None:
        raise SettingsError(f"hemisphere {text!r} is unknown; known: left, right, midline")
    return side


def _require_named(name: str, held: Sequence[str], what: str) -> None:
    if name in held:
        return
    near = difflib.get_close_matches(name, held, n=1)
    known = f"{', '.join(held[:8])}{' and more' if len(held) > 8 else ''}" or "nothing"
    raise SettingsError(f"{what} {name!r}; {f'did you mean {near[0]!r}?' if near else f'it holds {known}'}")


def _room_beside(target: Path) -> TemporaryDirectory[str]:
    """A folder for what does not fit into memory, on the disk that the output needs room on too."""
    try:
        return TemporaryDirectory(prefix=".nsi-", dir=target.parent)
    except OSError as error:
        raise ResourceError(f"{target.parent}: cannot be written to ({error.strerror}); check its rights") from error


def _as_file_content(inferred: Inference, settings: SavedSettings, session: Session, digest: str) -> FilePrediction:
    return FilePrediction(
        probabilities=inferred.probabilities,
        bin_s=inferred.bin_s,
        start_s=inferred.start_s,
        contacts=tuple(_contact_row(one) for one in inferred.contacts),
        text=" ".join(inferred.statements),
        model=ModelProvenance(
            name=MODEL,
            model=settings.model.name,
            protocol=None,
            fold=None,
            architecture=describe_architecture(settings.model),
            settings=settings.model_dump(mode="json", exclude={"training_participants", "versions"}),
            weights_sha256=settings.weights_sha256,
            versions={f"{name} (training)": number for name, number in settings.versions.items()} | program_versions(),
            training_participants=settings.training_participants,
        ),
        study=settings.study,
        participant=session.participant,
        session=session.session_id,
        source_sha256=digest,
    )


def _contact_row(report: ContactReport) -> ContactRow:
    electrode = report.electrode
    return ContactRow(
        electrode_row=electrode.row,
        label=electrode.label,
        region=electrode.region or "",
        hemisphere=electrode.hemisphere or "",
        electrode_type=electrode.kind,
        recorded_hz=report.rate_hz,
        inferred_share=report.inferred_share,
        outside_training="; ".join(report.outside),
        excluded_reason=report.reason or "",
    )
