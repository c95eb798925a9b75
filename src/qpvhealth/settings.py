"""The analyst's choices: a frozen value read from ``qpvhealth.toml``. No environment variable changes a number."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from qpvhealth.errors import QpvhealthError, UsageError
from qpvhealth.facts.situations import DECLARED, VECU_RULES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE_NAME = "qpvhealth.toml"
MAX_BYTES = 16 * 1024**2
_BY_NAME = {
    "location_error_m": ("housenumber", "street", "unknown"),
    "outline_tolerance_m": ("commune", "department", "region"),
    "delivery": (
        *(
            "msp_fall",
            "cds_fall",
            "national_fall",
            "rise_share",
            "left_share",
            "still_stock",
            "date_gap_days",
            "dates_after_share",
        ),
        *("moved_m", "moved_share", "density_low", "density_high", "population_ratio"),
    ),
}


@dataclass(frozen=True)
class Settings:
    """Every choice that can change a figure. Distances in metres.

    ``generations``: sets of perimeters to compute (empty: all that have a card). ``headline_generation``: a generation
    forced for a year; otherwise the one in force at the reference date, per territory. ``rings_m``: the distances at which
    structures are counted; every pair within the largest is kept. ``vecu_distance_m``: the proxy of quartier vécu.
    ``vecu_rule``: what "near" adds up. ``large_population``: a QPV of that many inhabitants is large.
    ``geocoder_score``: below it a geocoded point never decides. ``location_error_m``: uncertainty of a point by precision.
    ``outline_tolerance_m``: how far outside its declared area a point may fall, by level, before it contradicts it.
    ``commune_agrees_m``: how far outside its declared commune a point may fall and still agree with it (streets are borders).
    ``commune_reach_m``: where no commune outlines are given, no commune without QPV is taken to reach farther than this
    from its centroid. ``repair_area_share``: relative area change of a repaired polygon above which it is named.
    ``reject_rows``, ``reject_share``, ``reject_department_share``: a build stops where more than so many rows of an extract could not
    be read and they exceed this share of its stock, in the country or in one département.
    ``delivery``: what a delivery may not reach without a word, by name: a fall in a year, of MSP or centres in a département
    (``msp_fall``, ``cds_fall``) and of the whole (``national_fall``, a share); ``rise_share``, of a rise in a year; ``left_share``, of
    the structures that leave in a year without a closing date; ``still_stock``, the largest stock that may stay as it was;
    ``date_gap_days``, between the last date of the rows and the reference date; ``dates_after_share``, of rows that open after it;
    ``moved_share``, of points that move by more than ``moved_m`` metres; people per km² in a QPV (``density_low``, ``density_high``);
    ``population_ratio``, between two deliveries in half of the QPV of a département. Public files set them (docs/method.md).
    """

    generations: tuple[str, ...] = ()
    headline_generation: dict[int, str] = field(default_factory=dict)
    rings_m: tuple[float, ...] = (100, 200, 300, 500, 1000)
    vecu_distance_m: float = 300
    vecu_rule: str = DECLARED
    large_population: int = 5000
    geocoder_score: float = 0.8
    location_error_m: dict[str, float] = field(
        default_factory=lambda: {"housenumber": 20.0, "street": 150.0, "unknown": 20.0}
    )
    outline_tolerance_m: dict[str, float] = field(
        default_factory=lambda: {"commune": 1000.0, "department": 5000.0, "region": 20000.0}
    )
    commune_agrees_m: float = 100
    commune_reach_m: float = 15000
    repair_area_share: float = 0.01
    reject_rows: int = 2
    reject_share: float = 0.01
    reject_department_share: float = 0.1
    delivery: dict[str, float] = field(
        default_factory=lambda: {
            "msp_fall": 4.0,
            "cds_fall": 5.0,
            "national_fall": 0.015,
            "rise_share": 0.3,
            "left_share": 0.05,
            "still_stock": 20.0,
            "date_gap_days": 380.0,
            "dates_after_share": 0.02,
            "moved_m": 100.0,
            "moved_share": 0.2,
            "density_low": 50.0,
            "density_high": 300_000.0,
            "population_ratio": 2.0,
        }
    )

    @property
    def largest_ring_m(self) -> float:
        """The distance within which every (structure, QPV) pair is kept."""
        return max(*self.rings_m, self.vecu_distance_m)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, in a stable order, for the manifest."""
        plain = asdict(self)
        plain["headline_generation"] = {str(y): g for y, g in sorted(self.headline_generation.items())}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}


def load(path: Path | None) -> Settings:
    """Read the choices of a file; the defaults where there is none.

    Raises UsageError for an unreadable file, an unknown key or a value that makes no sense.
    """
    if path is None:
        return Settings()
    return from_mapping(read_toml(path), path.name)


def read_toml(path: Path, refused: type[QpvhealthError] = UsageError) -> dict[str, Any]:
    """Read a file of choices, cards or corrections. Raises ``refused`` for one that cannot be read: see ``read_text``."""
    try:
        return tomllib.loads(read_text(path, refused))
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets thousands deep
        raise refused(f"{path.name}: cannot be read: {error}") from error


def read_text(path: Path, refused: type[QpvhealthError] = UsageError) -> str:
    """Read a text in UTF-8 written by hand. Raises ``refused`` for what is no regular file, too big, or in another encoding."""
    try:
        if not path.is_file():
            raise refused(f"{path}: not found, or not a file")
        if path.stat().st_size > MAX_BYTES:
            raise refused(f"{path.name}: more than {MAX_BYTES} bytes, which nobody writes by hand")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise refused(f"{path.name}: cannot be read: {error}") from error


def from_mapping(choices: dict[str, Any], source: str = FILE_NAME) -> Settings:
    """Make settings from plain values. Raises UsageError, all problems at once."""
    names = {f.name for f in fields(Settings)}
    problems = [f'unknown setting "{key}"; known: {", ".join(sorted(names))}' for key in choices if key not in names]
    problems += [problem for key, value in choices.items() for problem in _wrong_type(key, value)]
    if not problems:
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in choices.items()}
        values |= {key: getattr(Settings(), key) | values[key] for key in _BY_NAME if key in values}
        if "headline_generation" in values:
            by_year = values["headline_generation"].items()
            values["headline_generation"] = {int(year): generation for year, generation in by_year}
        settings = Settings(**values)
        problems = _problems(settings)
    if problems:
        raise UsageError("\n".join(f"{source}: {problem}" for problem in problems))
    return settings


def nearest(folder: Path) -> Path | None:
    """Find the ``qpvhealth.toml`` of a folder or of the closest folder above it."""
    folder = folder.resolve()
    return next((p for f in (folder, *folder.parents) if (p := f / FILE_NAME).is_file()), None)


def _wrong_type(key: str, value: Any) -> Iterator[str]:  # noqa: ANN401
    if key == "generations" and not (isinstance(value, list) and all(isinstance(g, str) for g in value)):
        yield f"generations: a list of names, not {value!r}"
    if key == "rings_m" and not isinstance(value, list):
        yield f"rings_m: a list of distances, not {value!r}"
    if key == "headline_generation" and not (
        isinstance(value, dict) and all(str(year).isdigit() and isinstance(g, str) for year, g in value.items())
    ):
        yield f'headline_generation: a generation for a year, such as {{ 2024 = "qpv-2015" }}, not {value!r}'
    if key in _BY_NAME and not (isinstance(value, dict) and set(value) <= set(_BY_NAME[key])):
        yield f"{key}: {'numbers' if key == 'delivery' else 'metres'} by name, of {', '.join(_BY_NAME[key])}, not {value!r}"


def _problems(settings: Settings) -> list[str]:
    rings = settings.rings_m
    metres = (*settings.location_error_m.values(), *settings.outline_tolerance_m.values())
    checks = {
        "rings_m: at least one distance, all positive numbers": bool(rings) and all(_positive(r) for r in rings),
        "vecu_distance_m: a positive number of metres": _positive(settings.vecu_distance_m),
        f"vecu_rule: one of {', '.join(VECU_RULES)}": settings.vecu_rule in VECU_RULES,
        "large_population: a positive number of inhabitants": _positive(settings.large_population),
        "geocoder_score: between 0 and 1": _positive(settings.geocoder_score) and settings.geocoder_score <= 1,
        "commune_reach_m: a positive number of metres": _positive(settings.commune_reach_m),
        "commune_agrees_m: a positive number of metres": _positive(settings.commune_agrees_m),
        "repair_area_share: a positive share": _positive(settings.repair_area_share),
        "reject_rows: a number of rows": settings.reject_rows == 0 or _positive(settings.reject_rows),
        "reject_share, reject_department_share: positive shares": _positive(settings.reject_share)
        and _positive(settings.reject_department_share),
        "location_error_m, outline_tolerance_m: positive metres": all(_positive(v) for v in metres),
        "delivery: positive numbers": all(_positive(v) for v in settings.delivery.values()),
    }
    return [rule for rule, holds in checks.items() if not holds]


def _positive(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")
