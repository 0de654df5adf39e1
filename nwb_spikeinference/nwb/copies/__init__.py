"""
NWB files copied, compared and checked.

Objects copied without being changed, digests of what a file holds, and whether it is valid and follows the archive's
practice.
"""
