"""What is personal, what is kept of it, and who was erased."""
