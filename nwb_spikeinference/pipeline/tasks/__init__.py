"""
Tasks, and what they leave.

The folders on disk that keep results of tasks, who does the tasks, and the digest of the code that did them. Knows
bytes and plain data, not what a result means.
"""
