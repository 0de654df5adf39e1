"""
One recording session in, one inspected NWB file out.

The opened recordings on one clock, units and events placed on it, waveforms measured on the raw signal.
"""
