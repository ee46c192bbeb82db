"""Tests of the tables for analysts as assets."""
