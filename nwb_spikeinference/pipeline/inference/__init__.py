"""
A trained model, kept in a folder and applied where no unit was recorded.

The final model of a study, the folder that holds it, and what it infers at contacts with LFP only.
"""
