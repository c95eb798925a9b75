"""Situations of a structure and the words around them, in their order of precedence."""

from __future__ import annotations

IN_QPV, VECU_DECLARED, VECU_PROXY, ELSEWHERE, UNDETERMINED = (
    "in_qpv",
    "vecu_declared",
    "vecu_proxy",
    "elsewhere",
    "undetermined",
)
SITUATIONS = (IN_QPV, VECU_DECLARED, VECU_PROXY, ELSEWHERE, UNDETERMINED)

YES, NO, UNKNOWN = "yes", "no", "unknown"
ANSWERS = (YES, NO, UNKNOWN)

LOCATED, CENTROID, MISSING, CONTRADICTORY = "located", "centroid", "missing", "contradictory"
LOCATION_STATUSES = (LOCATED, CENTROID, MISSING, CONTRADICTORY)

PRECISIONS = ("housenumber", "street", "locality", "municipality", "unknown")
"""How fine a point is, in the words of the national geocoder; ``unknown`` where the source has no quality column."""

DECLARED, PROXY, DECLARED_OR_PROXY = "declared", "proxy", "declared_or_proxy"
VECU_RULES = (DECLARED, PROXY, DECLARED_OR_PROXY)

LABELS_FR: dict[str, str] = {
    IN_QPV: "dans un QPV",
    VECU_DECLARED: "en quartier vécu (déclaré par l'ARS)",
    VECU_PROXY: "à proximité (distance, non déclaré)",
    ELSEWHERE: "ailleurs",
    UNDETERMINED: "indéterminée",
    "all": "toutes",
}
