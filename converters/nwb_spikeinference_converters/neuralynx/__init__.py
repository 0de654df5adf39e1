"""
Files of Neuralynx' recorders: ``.ncs``, and the text header that all of them share.
"""
