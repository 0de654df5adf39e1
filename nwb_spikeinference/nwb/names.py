"""
Names and places inside the NWB files that this program writes.
"""

from nwb_spikeinference.recordings import ElectrodeKind

PROGRAM = "nwb-spikeinference"
WRITE_BACK = f"{PROGRAM} write-back"  # in a file's history; `PROGRAM` alone says that it made the file

RAW_SERIES = "ElectricalSeriesRaw"  # followed by 000, 001, ... for the blocks of a paused recording
LFP_SERIES = "ElectricalSeriesLFP"
ANALOG_SERIES = "AnalogSignals"
ECEPHYS_MODULE = "ecephys"
LFP_CONTAINER = "LFP"
RECORDED_PERIODS = "recorded_periods"
DIGITAL_EVENTS = "digital_events"
COMMENTS = "comments"

INFERENCE_MODULE = "spike_inference"
MODULE_PATH = f"/processing/{INFERENCE_MODULE}"
GENERATED_BY = "/general/was_generated_by"  # a file's history
SPIKE_PROBABILITY = "spike_probability"
SPIKE_PROBABILITY_WITHIN = "spike_probability_within_session"
CROSS_VALIDATION = "cross_validation"
LOBO = "lobo"
TRANSFER = "transfer"
UNIT_METRICS = "unit_metrics"
MODEL_SCORES = "model_scores"
MODEL = "model"
INFERRED_STRETCHES = "inferred_stretches"
BANDS = "bands"
STUDY = "study"
UNITS = "units"  # of the whole study, in the file of all participants

ELECTRODE_COLUMNS: dict[str, str] = {
    "hemisphere": "Side of the brain: L (left), R (right) or M (midline)",
    "region": "Canonical name of the structure, without side",
    "wire": "Number of the contact within its bundle, from 1",
    "electrode_type": "micro, macro or reference",
    "label": "Name of the contact: bundle and wire",
    "nsp": "Recorder that digitised the contact",
    "channel": "Channel number of the recorder; -1 if the contact was not recorded",
}
UNIT_COLUMNS: dict[str, str] = {
    "sorter": "Program or procedure that made the unit",
    "cluster_id": "Number of the unit on its channel, as the sorter gave it",
    "snr": "Largest deviation of the mean waveform over the standard deviation of the noise",
    "isi_violations": "Share of inter-spike intervals below 2 ms",
    "trough_to_peak_ms": "Time from the trough of the mean waveform to the following peak, in milliseconds",
    "cell_type": "Putative cell type by spike width alone: excitatory, inhibitory or unclassified",
}
NOT_RECORDED = -1


def series_name(base: str, source: str, block: int, n_blocks: int) -> str:
    """
    Name of one continuous block of one recording.

    Parameters
    ----------
    base : str
        `RAW_SERIES`, `LFP_SERIES` or `ANALOG_SERIES`.
    source : str
        Tells several recordings of a session apart; empty for the first.
    """
    return f"{base}{source}" if n_blocks == 1 else f"{base}{source}{block:03d}"


def electrode_label(bundle: str, wire: int, kind: ElectrodeKind) -> str:
    """Name of a contact, e.g. ``LHIP3``, ``LHIPmacro1`` or ``LHIPref``."""
    return f"{bundle}ref" if kind == "reference" else f"{bundle}{'macro' if kind == 'macro' else ''}{wire}"
