"""Codes held against codes: which values of a column stand in another, at the cost of a hash each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable


def among(codes: pd.Series, known: Iterable[str]) -> pd.Series:
    """Say which codes stand among others, whatever their number; a null code stands in none.

    ``Series.isin`` turns each text of a long list into an object first, which costs a hundred times the comparison.
    """
    others = known if isinstance(known, pd.Series | pd.Index) else pd.Series(list(known), dtype="str")
    sides = [pa.array(side.astype("str"), type=pa.large_string()) for side in (codes, others)]
    found = pc.is_in(sides[0], value_set=sides[1].drop_null())
    return pd.Series(np.asarray(found), index=codes.index)
