"""The rules of the design, each shown from the outside: commands, HTTP, tables."""
