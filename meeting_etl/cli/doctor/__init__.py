"""`meeting-etl doctor`: one look at everything that has to be in order, a section a module."""
