"""What went wrong in several tasks at once, in words."""

from __future__ import annotations

from stallproof.sites.base import SiteError


def one_line_each(group: BaseExceptionGroup[BaseException]) -> list[str]:
    """Each exception of the group and of the groups in it; with its kind, if we did not word it."""
    return [
        line
        for problem in group.exceptions
        for line in (
            one_line_each(problem)
            if isinstance(problem, BaseExceptionGroup)
            else [str(problem)]
            if isinstance(problem, SiteError)
            else [f"{type(problem).__name__}: {problem}"]
        )
    ]
