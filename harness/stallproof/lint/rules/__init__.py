"""The traps, grouped by the kind of thing they are in. `registry.py` lists them."""
