"""Files of other tools, read into plain values: no database, no requests, nothing is written."""
