"""What is seized when a run stalls, before anything is undone.

| file | what is in it |
|---|---|
| `detect.py` | the checkers' own judgement, asked while the run goes |
| `seize.py` | takes the evidence: each piece by itself, with a deadline, into the run's folder |
| `waits.py` | which line a thread waits in, on which connection, in what TCP state |
| `listings.py` | the files' text |
| `findings.py` | what the history and the reports keep of it |
| `words.py` | that in sentences |
"""
