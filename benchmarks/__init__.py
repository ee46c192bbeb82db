"""Measurements, each against a baseline or a limit of the same run."""
