"""
Recordings that neo's raw readers open.

Intan, Open Ephys, Plexon and others: which streams are electrodes, where signal is continuous and when it starts.
"""
