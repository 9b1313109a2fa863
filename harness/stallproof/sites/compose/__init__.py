"""The compose site: the containers of the docker site, created by Compose from the project's file."""
