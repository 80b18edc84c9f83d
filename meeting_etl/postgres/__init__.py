"""What processes on several machines agree on, in PostgreSQL: locks, values, rates, due days."""
