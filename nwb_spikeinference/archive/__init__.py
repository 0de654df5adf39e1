"""Datasets of the DANDI archive: verified downloads, and reading of remote files without a download."""
