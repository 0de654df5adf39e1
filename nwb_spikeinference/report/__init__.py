"""
Results as one HTML page: records, then summary, then figures, then templates.

The only place for matplotlib and jinja2. Knows nothing of the pipeline.
"""
