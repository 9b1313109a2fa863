"""The compose site: the docker site's containers, created by Compose from the project's file."""
