"""
Time: one clock for all recorders of a session.

Pauses, clocks that were set back or run at a rate of their own, and recorders aligned by pulses.
"""
