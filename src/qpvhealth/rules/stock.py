"""The stock at a date: what has opened by then and has not closed."""

from __future__ import annotations

from typing import Any


def is_in_stock(opened_on: Any, closed_on: Any, day: Any) -> Any:  # noqa: ANN401 - series or arrays of dates, as they broadcast
    """Say what is open on a day: opened by it, or without an opening date; closed after it, or not at all.

    Series or arrays of ``datetime64``, of one shape or that broadcast. What closes on the day itself is closed. A comparison with a null
    date does not hold.
    """
    return ~(opened_on > day) & ~(closed_on <= day)
