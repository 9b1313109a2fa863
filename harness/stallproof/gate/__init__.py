"""The gate before a deploy: scenarios against thresholds, within a time budget.

    results ─► held_against(thresholds) ─► results ─► the usual reports, summary.md, exit code

A threshold that is exceeded is a finding like any other, so every report and the exit code tell
of it without knowing of thresholds.

| file | what is in it |
|---|---|
| `thresholds.toml` | the defaults, as a thresholds file of one's own is written |
| `thresholds.py` | reads such files |
| `measures.py` | what each bound is held against, and the finding |
"""
