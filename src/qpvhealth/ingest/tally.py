"""The account of a file: no row of it is lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from qpvhealth.errors import ContractError


@dataclass(frozen=True)
class Tally:
    """The account of one file: rows in = rows out + out of scope + rejected + duplicates."""

    rows_in: int
    rows_out: int
    rejected: int
    duplicates: int = 0
    out_of_scope: dict[str, int] = field(default_factory=dict)

    def asserted(self, name: str) -> Tally:
        """Return the account itself, after checking that no row is lost. Raises ContractError."""
        accounted = self.rows_out + sum(self.out_of_scope.values()) + self.rejected + self.duplicates
        if accounted != self.rows_in:
            raise ContractError(f"{name}: {self.rows_in} rows in, {accounted} accounted for: {self}")
        return self

    def __add__(self, other: Tally) -> Tally:
        """Add the account of another part of the same file."""
        reasons = dict(Counter(self.out_of_scope) + Counter(other.out_of_scope))
        return Tally(
            self.rows_in + other.rows_in,
            self.rows_out + other.rows_out,
            self.rejected + other.rejected,
            self.duplicates + other.duplicates,
            reasons,
        )

    def as_dict(self) -> dict[str, object]:
        """Return plain values for the manifest."""
        return {
            "rows_in": self.rows_in,
            "rows_out": self.rows_out,
            "out_of_scope": sum(self.out_of_scope.values()),
            "out_of_scope_by_reason": dict(sorted(self.out_of_scope.items())),
            "rejected": self.rejected,
            "duplicates": self.duplicates,
        }
