"""Sprints as REST shows and takes them."""
