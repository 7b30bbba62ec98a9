"""Scores of generated music, and what they must be read beside: nulls, intervals and figures.

Metrics are float64 NumPy and SciPy on plain arrays; they need no model, and nothing here writes back to one.
"""
