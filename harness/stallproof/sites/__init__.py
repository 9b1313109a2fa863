"""Where the system runs."""
