"""What the sandbox can get wrong on purpose."""
