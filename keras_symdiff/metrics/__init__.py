"""Measures of music: pure functions of arrays."""
