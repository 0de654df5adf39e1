"""
The pipeline: where reading, signal chain, models and evaluation meet.

The commands of the tool as library calls: study, predict, convert, inspect, verify, simulate. What they share lies in
the folders, along the way of the data: tasks, sessions, fits, findings, inference, each importing only those before it.
"""
