"""
HDF5 below NWB.

Files that are opened safely and written on disks that may fill up, and datasets packed and unpacked chunk by chunk.
Knows nothing of what a dataset means.
"""
