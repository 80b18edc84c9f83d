"""The work of a day as a whole: folding its events, fetching what is due."""
