"""Figures of the report: records in, inline SVG out."""
