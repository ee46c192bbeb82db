"""Tests of montage_pipeline/footage/rebuilding."""
