"""Forms of sprints and teams."""
