"""The sets of QPV that shares are printed over, by name, apart from the printed figures: tables name a set, and no figure."""

from dataclasses import dataclass

from qpvhealth.facts import lists


@dataclass(frozen=True)
class PerimeterSet:
    """A set of QPV that shares are printed over: a generation, and the territories taken in (null: all)."""

    name: str
    generation: str
    territories: tuple[str, ...] | None
    words: str
    words_en: str


_LIST = lists.load("perimeter_sets", ("perimeter_set",))
PERIMETER_SETS: dict[str, PerimeterSet] = {
    s.name: s for s in lists.records(PerimeterSet, _LIST["perimeter_set"], "perimeter_sets.toml: perimeter_set")
}
