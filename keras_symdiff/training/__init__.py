"""Trainers, callbacks and run directories."""
