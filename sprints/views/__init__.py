"""Views of sprints."""
