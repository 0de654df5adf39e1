"""
Files of Blackrock's recorders, and of Ripple's, which share their format.

Headers and packets of ``.nsX``, spikes and events of ``.nev``.
"""
