"""Deeds of the ground floor: each one transaction and one activity row."""
