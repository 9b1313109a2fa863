"""Ablation: each knob switched off alone and on alone, where it claims to help.

    knobs -> cells (knob x profile x scenario) -> two sides of n runs each -> outcome -> document

| file | what is in it |
|---|---|
| `knob.py` | what a knob is, and what it claims |
| `transport.py`, `application.py` | the knobs themselves, as data |
| `cells.py` | from knobs to runs: which side of which comparison each belongs to |
| `outcome.py` | two sides in, what the knob does out: by rule |
| `document.py` | the table |
| `command.py` | `stallproof ablate` |
"""
