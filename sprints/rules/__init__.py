"""Rules of sprints: days, figures and forecasts, without a framework."""
