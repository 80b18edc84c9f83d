"""What is fetched, one module a table or kind of file."""
