"""
NWB files that anybody may have written, read into the records of ``recordings.py``.

Electrodes, places, units and signals, in every form that files use. Nothing here writes.
"""
