"""One day of one resource: due work, requests in threads, rows, commits."""
