"""Yes, no or unknown, on arrays: the strong three-valued logic of Kleene (Introduction to Metamathematics, 1952, section 64)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pandas.api.extensions import ExtensionArray


@dataclass(frozen=True, eq=False)
class Tristate:
    """A truth value for each element: surely yes, surely no, or unknown where neither holds. Both arrays are boolean, of one shape.

    A conjunction is no as soon as one side is, a disjunction yes as soon as one side is, whatever the other. What is summed lies
    between the sum of ``yes`` and the sum of ``possible``.
    """

    yes: np.ndarray
    no: np.ndarray

    @classmethod
    def exact(cls, mask: pd.Series | np.ndarray) -> Tristate:
        """Return what is decided everywhere: yes where the mask holds, no elsewhere."""
        yes = np.asarray(mask, dtype=bool)
        return cls(yes, ~yes)

    @classmethod
    def of(cls, flags: pd.Series | ExtensionArray) -> Tristate:
        """Read a column of true, false and null: null is unknown."""
        nullable = pd.Series(flags).astype("boolean")
        yes, no = (np.asarray(side.to_numpy(dtype=bool, na_value=False)) for side in (nullable, ~nullable))
        return cls(yes, no)

    @property
    def possible(self) -> np.ndarray:
        """Which elements are yes or unknown."""
        return np.asarray(~self.no)

    @property
    def unknown(self) -> np.ndarray:
        """Which elements are neither yes nor no."""
        return np.asarray(~(self.yes | self.no))

    @property
    def decided(self) -> np.ndarray:
        """Which elements are yes or no."""
        return np.asarray(self.yes | self.no)

    def __and__(self, other: Tristate) -> Tristate:
        """Conjoin: yes where both are, no where either is."""
        return Tristate(self.yes & other.yes, self.no | other.no)

    def __or__(self, other: Tristate) -> Tristate:
        """Disjoin: yes where either is, no where both are."""
        return Tristate(self.yes | other.yes, self.no & other.no)

    def __invert__(self) -> Tristate:
        """Negate: unknown stays unknown."""
        return Tristate(self.no, self.yes)

    def where(self, mask: np.ndarray, other: Tristate) -> Tristate:
        """Take another value where the mask does not hold."""
        return Tristate(np.where(mask, self.yes, other.yes), np.where(mask, self.no, other.no))

    def take(self, at: np.ndarray | int) -> Tristate:
        """Return the elements, or rows, at these positions."""
        return Tristate(self.yes[at], self.no[at])

    def nullable(self) -> ExtensionArray:
        """Return a boolean column, null where unknown."""
        return pd.arrays.BooleanArray(self.yes.copy(), self.unknown)
