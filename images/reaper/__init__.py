"""Removes what a session left in the engine, once nobody who speaks for it is connected.

It speaks Ryuk's protocol, so testcontainers starts it and talks to it as it does to Ryuk. Only
the standard library, for it runs in an image that holds nothing else.

Source of the protocol: https://github.com/testcontainers/moby-ryuk#readme
"""
