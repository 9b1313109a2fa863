"""Load by Locust, as a process of its own: shapes, thresholds, and what is asked of a target.

| file | what is in it |
|---|---|
| `shapes.py` | arrival shapes, read from `loadtests/shapes.toml` |
| `thresholds.py`, `measured.py` | what a load came to, and whether that holds |
| `lines.py` | what the Locust processes write of each story, for the history |
| `command.py`, `driver.py` | Locust's command line; Locust as the workload of a run |
| `target.py`, `identity.py` | a system that is deployed already |
| `ceiling.py` | how many stories a second are too many |

Locust patches the standard library when it is imported: nothing here imports it, `loadtests/`
does, and only Locust's own processes import that.
"""
