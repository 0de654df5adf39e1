"""
Worlds with known truth, written as raw recordings.

The only place that knows this truth: what tests a study must not be able to read it.
"""
