"""Documents whose examples run, and the parts of them that are generated."""
