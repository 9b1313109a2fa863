"""Reads a deployment's files and names the traps that our scenarios and measurements know of.

    report = stallproof.lint.run.lint([Path("cloudbuild.yaml"), Path("app/celery_app.py")])

Nothing is run and nothing imported. The way a file goes:

    sources.py      a path becomes sources (a Markdown guide: one for each fenced block)
    reading/        a source becomes subjects: Celery configurations, commands, an image, ...
    rules/          a rule looks at one subject, with the whole project in view
    registry.py     lists every rule
    output.py       lines or JSON

What cannot be told from the text (a value from the environment, a configuration that is loaded by
name) is never a finding.
"""

from stallproof.lint.model import Finding, LintError, Report, Severity, Unreadable

__all__ = ["Finding", "LintError", "Report", "Severity", "Unreadable"]
