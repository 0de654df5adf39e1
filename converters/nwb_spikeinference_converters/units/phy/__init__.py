"""
Units in Phy folders, as Kilosort and its kin write them, read without running or unpickling anything.
"""
