"""Who may: the role table, the guards of pages and of the REST API."""
