"""So many runs boot at once, and no more."""

from __future__ import annotations

import threading

from stallproof.boots import Boots

SOON_S = 10.0
NOT_YET_S = 0.1


def another(boots: Boots) -> tuple[threading.Thread, threading.Event]:
    """A second run that wants to boot; the event: it does."""
    begun = threading.Event()

    def boot() -> None:
        with boots.place():
            begun.set()

    thread = threading.Thread(target=boot)
    thread.start()
    return thread, begun


def test_the_next_boots_when_one_has_booted() -> None:
    boots = Boots(at_once=1)
    with boots.place() as booted:
        thread, begun = another(boots)
        assert not begun.wait(NOT_YET_S)
        booted()
        assert begun.wait(SOON_S)
        thread.join()


def test_one_that_never_does_gives_its_place_back_in_the_end() -> None:
    boots = Boots(at_once=1)
    with boots.place():
        thread, begun = another(boots)
        assert not begun.wait(NOT_YET_S)
    assert begun.wait(SOON_S)
    thread.join()


def test_a_place_is_given_back_once() -> None:
    boots = Boots(at_once=1)
    with boots.place() as booted:
        booted()
        booted()
    with boots.place():
        thread, begun = another(boots)
        assert not begun.wait(NOT_YET_S)
    thread.join()
