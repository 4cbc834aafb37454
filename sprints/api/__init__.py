"""REST doors of sprints."""
