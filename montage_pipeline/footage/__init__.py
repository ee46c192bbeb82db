"""Clips as files: fetched safely, probed, sampled and measured."""
