"""Figures over the years, what perimeters do, what does not agree: tables that a release holds, found by what they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from qpvhealth.cli.group import main_group
from qpvhealth.cli.options import filter_options, shows_views
from qpvhealth.rules.levels import HEADLINE

if TYPE_CHECKING:
    from qpvhealth.publish.release import Release
    from qpvhealth.publish.selection import View

level_option = click.option(
    "--level", type=click.Choice([*HEADLINE]), help="Areas to show. Default: that of --region or --department."
)


@main_group.command()
@level_option
@filter_options
@shows_views
def history(release: Release, *, level: str | None, **filters: Any) -> tuple[View, ...]:
    """Show figures over the years: the trend against the country's, and each stock as known then and as known now.

    \b
    Examples:
      qpvhealth history
      qpvhealth history --region 53
    """
    from qpvhealth.publish import records, selection

    return records.history(release, level, selection.Filters(**filters))


@main_group.command()
@level_option
@filter_options
@shows_views
def perimeters(release: Release, *, level: str | None, **filters: Any) -> tuple[View, ...]:
    """Show what a change of perimeters does to the same structures, and what became of each QPV.

    \b
    Example:
      qpvhealth perimeters --region 76
    """
    from qpvhealth.publish import records, selection

    return records.perimeters(release, level, selection.Filters(**filters))


@main_group.command()
@level_option
@filter_options
@shows_views
def audit(release: Release, *, level: str | None, **filters: Any) -> tuple[View, ...]:
    """Show what does not agree: the extract's own flag, published series between them, identities to confirm.

    \b
    Example:
      qpvhealth audit --year 2019
    """
    from qpvhealth.publish import records, selection

    return records.audit(release, level, selection.Filters(**filters))
