"""From relations to numbers: counts, coverage and headline indicators, each with its denominator and its unknowns."""
