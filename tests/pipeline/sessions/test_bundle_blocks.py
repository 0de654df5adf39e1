"""Which stored blocks a bundle's signal is taken from."""

from pathlib import Path

from nwb_spikeinference.pipeline.sessions.bundle_signal import find_blocks
from nwb_spikeinference.recordings import Electrode, Session, SignalBlock

WIRE = Electrode(row=0, label="L1", bundle="L", region="hippocampus", hemisphere="left")


def block(path: str, rate_hz: float, start_s: float) -> SignalBlock:
    return SignalBlock(path=path, kind="lfp", rate_hz=rate_hz, start_s=start_s, n_samples=1000, electrode_rows=(0,))


def find(*blocks: SignalBlock) -> list[str]:
    session = Session(path=Path("a.nwb"), participant="P01", session_id="s", electrodes=(WIRE,), blocks=blocks)
    return [found.path for found in find_blocks(session, (WIRE,))]


def test_blocks_whose_measured_rates_differ_a_little_are_all_used() -> None:
    assert find(block("b", 1000.0200001, 20), block("a", 1000.02, 0), block("c", 1000.0, 30)) == ["a", "b", "c"]


def test_slower_lfp_beside_is_left_out() -> None:
    assert find(block("fast", 1000, 0), block("slow", 500, 0)) == ["fast"]
