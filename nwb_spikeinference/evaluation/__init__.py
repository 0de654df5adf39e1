"""
Splits that cannot leak, scores per unit, nulls, intervals and verdicts.

Plain numpy arrays and frozen rows in, records out. Scores are never pooled over folds or units.
"""
