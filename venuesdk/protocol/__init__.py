"""What is said: pure code that knows frames and meanings, and no socket, thread or clock."""
