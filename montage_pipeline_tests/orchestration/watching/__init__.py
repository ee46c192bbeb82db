"""Faults told apart, alerts, and delivered objects that are still there."""
