"""The docker site: the system as it ships, in containers of the run's own (testcontainers)."""
