"""The stock at a date: what has opened by then and has not closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def is_read(rows: pd.DataFrame) -> np.ndarray:
    """Say which rows of a stock were read: a rejected row that may be a structure of it stands there with ``is_read`` false."""
    return rows["is_read"].to_numpy(dtype=bool) if "is_read" in rows else np.ones(len(rows), dtype=bool)


def is_in_stock(opened_on: Any, closed_on: Any, day: Any) -> Any:  # noqa: ANN401 - series or arrays of dates, as they broadcast
    """Say what is open on a day: opened by it, or without an opening date; closed after it, or not at all.

    Series or arrays of ``datetime64``, of one shape or that broadcast. What closes on the day itself is closed. A comparison with a null
    date does not hold.
    """
    return ~(opened_on > day) & ~(closed_on <= day)
