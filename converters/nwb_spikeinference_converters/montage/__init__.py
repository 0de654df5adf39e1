"""
What ``session.yaml`` says beside the recordings, and what may leave the laboratory.

The file itself, the table of electrodes, de-identification, and the draft dandiset that files are put into.
"""
