"""System time against real time: a whole run may live faster than the machine it runs on.

clock.py    the arithmetic, and what a process needs to live in system time
shim.c      the library that makes it do so;  build.py  builds it
waits.py    asks every way of waiting for a span and looks what it saw;  table.py  the table
"""

from stallproof.clock.clock import REAL, Clock, lenient_s
from stallproof.clock.timers import ArmedTimer, read_timers

__all__ = ["REAL", "ArmedTimer", "Clock", "lenient_s", "read_timers"]
