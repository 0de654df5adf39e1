"""
Recordings of laboratories, turned into NWB files.

`protocol` says what a converter is; a folder per recorder, sorted units, time-keeping and montage; `sessions` puts one
session's file together.
"""
