"""Deeds on sprints."""
