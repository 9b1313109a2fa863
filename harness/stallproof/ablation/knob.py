"""What a knob is: settings or worker flags that are switched together, and what they claim."""

from __future__ import annotations

from typing import Any

import msgspec

from stallproof.stacks import LOCKED

DEFAULTS = "celery-defaults"
GUIDE = "guide-int-keys"
HARDENED = "hardened"
PROFILES = (HARDENED, GUIDE, DEFAULTS)
"""Where a knob is tried. `celery-defaults` sets nothing: what is switched on there is alone."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario in which a knob says that it helps."""

    scenario: str
    why: str
    """In a clause."""
    stack: str = LOCKED


class Knob(msgspec.Struct, frozen=True, kw_only=True):
    """Settings and worker flags that are switched together."""

    name: str
    settings: dict[str, Any] = {}
    """By dotted key, as they are when it is on."""
    flags: tuple[str, ...] = ()
    """Of the worker, likewise."""
    given: dict[str, Any] = {}
    """What it is not read without: on both sides, where the profile does not set it."""
    off: dict[str, Any] = {}
    """How it is switched off where leaving it out changes nothing, because Celery's own default
    is the same: the other value."""
    off_flags: tuple[str, ...] = ()
    set_by: tuple[str, ...] = ()
    """The profiles that have it on; none: it was tried, and earned no place."""
    otherwise_in_hardened: bool = False
    """`hardened` has the same keys with other values."""
    claims: tuple[Claim, ...] = ()
    unshown: str = ""
    """Why no scenario can show what it does, and which would; only where it claims none."""

    def __post_init__(self) -> None:
        if not (self.settings or self.flags):
            raise ValueError(f"knob {self.name}: it switches nothing; say settings or flags")
        if bool(self.claims) == bool(self.unshown):
            raise ValueError(f"knob {self.name}: say its claims, or else why none can be shown")
        if self.off.keys() - self.settings.keys():
            raise ValueError(f"knob {self.name}: off sets what on does not")

    @property
    def by_default(self) -> bool:
        """Celery has it on of itself."""
        return bool(self.off or self.off_flags)

    def is_on_in(self, profile: str) -> bool:
        return profile in self.set_by or self.by_default

    @property
    def tried_in(self) -> tuple[str, ...]:
        """Off alone where it is on, on alone in `celery-defaults`; one of the two in `hardened`.

        Unless that has a value of its own, which is another knob.
        """
        wanted = {*self.set_by, DEFAULTS} | (set() if self.otherwise_in_hardened else {HARDENED})
        return tuple(profile for profile in PROFILES if profile in wanted)
