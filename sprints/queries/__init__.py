"""Reads of sprints."""
