"""Makes the images that runs in containers need: `make images`.

Ours are built from their Dockerfiles. Each of the others is pulled; where no registry can be
reached, a stand-in of the same make is built under the same name, so that every line of our
Dockerfiles is still built and run.
"""
