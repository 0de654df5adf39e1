"""
From NWB files to prepared sessions.

Which files a study reads, and what becomes of each: LFP without action potentials, bins, features per LFP input, spike
counts per unit. What is known of other sessions does not matter here.
"""
