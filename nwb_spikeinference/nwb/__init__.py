"""
The only place for pynwb and hdmf: reading, writing, and the extension.

Here lie the names that all of it shares; the folders hold storage, reading, copies, raw and results, each importing
only those before it.
"""
