"""
The montage, beside the recordings: what ``session.yaml`` says, and what of it may leave the laboratory.

The file itself, the table of electrodes, de-identification, and the draft dandiset that files are put into.
"""
