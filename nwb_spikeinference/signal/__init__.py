"""
The signal chain: plain arrays in and out, time on axis 0.

Action potentials removed, rates lowered, filters, features, faults and discharges. Knows nothing of NWB or Keras.
"""
