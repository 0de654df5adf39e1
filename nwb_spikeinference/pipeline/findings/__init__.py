"""
From the results of trainings to what a study found.

One row of evidence per unit, the records of ``results.json``, flags that a reader must know, and the stretches of
recording that the report shows.
"""
