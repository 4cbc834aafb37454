"""Results of checks that ran elsewhere, made plain: no database and no Great Expectations here."""
