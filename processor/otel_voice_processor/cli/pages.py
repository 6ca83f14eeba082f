"""Accounts of calls as pages of HTML that need no network: one file, no script, every value escaped."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from otel_voice.emit import package_version
from otel_voice_processor.accounts import Account
from otel_voice_processor.cli.report_view import report_view
from otel_voice_processor.cli.views import MOST, call_view
from otel_voice_processor.reviews import Report


def call_page(account: Account, *, most: int = MOST) -> str:
    """Return the page of one call, with its `most` gravest interruptions drawn."""
    return _environment().get_template("call.html").render(shown=call_view(account, most=most))


def report_page(report: Report, notes: Sequence[str] = ()) -> str:
    """Return the page of a report, with the record of every call that is to be reviewed."""
    return _environment().get_template("report.html").render(shown=report_view(report, notes))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("otel_voice_processor.cli"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = resources.files("otel_voice_processor.cli").joinpath("templates/style.css").read_text(encoding="utf-8")
    environment.globals |= {"style": Markup(style), "version": package_version()}  # noqa: S704 - our own file
    return environment
