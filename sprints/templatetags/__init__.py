"""Tags of sprints."""
