"""Tests of what Prometheus is told, and of the files that it and Grafana go by."""
