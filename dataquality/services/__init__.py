"""Deeds on datasets, suites, runs and profiles: each one transaction and one activity row."""
