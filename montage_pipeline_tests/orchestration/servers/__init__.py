"""Dagster's daemon and code server, made quick."""
