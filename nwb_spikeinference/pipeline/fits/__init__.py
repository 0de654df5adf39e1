"""
From prepared sessions to trainings and their results.

The cohort, the plan of trainings with its splits, and one training: what it learns from, what is withheld from it, and
what it is worth on data it has not seen.
"""
