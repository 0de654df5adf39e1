"""
The only place for Keras: networks and baselines behind one protocol.

Arrays in, log-odds out. Knows nothing of files, participants or tasks.
"""
