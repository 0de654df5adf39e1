"""
Results of a study or of a trained model in NWB files.

What is written as plain records, as objects of the extension, into sessions' files, copies and the file of all
participants, and whether files still say it.
"""
