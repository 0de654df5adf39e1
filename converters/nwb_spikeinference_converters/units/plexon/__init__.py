"""
Units sorted with Plexon's programs: ``.plx``, ``.nex``, ``.nex5`` and ``.mat``.
"""
