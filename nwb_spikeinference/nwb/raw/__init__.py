"""
The NWB file of a converted recording session.

Raw signals, electrodes, units and events written from plain records, and read back against the recorder's samples.
"""
