"""The box of each commune of Polynésie française, whose own box is wider than two zones of UTM.

A point that is declared in the next zone moves by six degrees: within the territory that is another island, not another territory.
No box here is six degrees wide, so that such a point leaves the box of its commune.

Sources: communes, their codes and associated communes (the atolls of each) in décret 2007-1886 of 26 December 2007; positions of
the islands to a tenth of a degree, held against the areas of use of the EPSG register and the QPV of 2015 and 2024; widened by 0.2
to 1 degree on each side. They outline nothing.
"""

from __future__ import annotations

Box = tuple[float, float, float, float]

_ISLANDS: tuple[tuple[Box, tuple[int, ...]], ...] = (
    # Îles du Vent, Maiao, Tetiaroa and Mehetia with them
    ((-151.5, -18.5, -147.5, -16.5), (12, 15, 22, 25, 29, 33, 34, 35, 36, 38, 47, 48, 52)),
    # Îles Sous-le-Vent, from Manuae to Huahine
    ((-155.0, -17.5, -150.2, -15.3), (14, 24, 28, 45, 50, 54, 58)),
    # Marquises
    ((-141.3, -11.0, -137.9, -7.5), (18, 23, 31, 46, 56, 57)),
    # Australes, in three: Rimatara and Rurutu, then Tubuai and Raivavae, then Rapa
    ((-155.0, -23.3, -150.5, -21.2), (43, 44)),
    ((-150.4, -24.6, -146.8, -22.7), (39, 53)),
    ((-145.2, -28.0, -142.9, -27.0), (41,)),
    # Tuamotu: the west (Rangiroa to Anaa), the middle (Makemo, Hikueru, Napuka, Fangatau), Hao with Hereheretue, the east
    ((-149.2, -18.2, -143.7, -13.9), (11, 13, 16, 27, 40, 49)),
    ((-145.0, -18.6, -139.6, -13.7), (17, 21, 26, 30)),
    ((-145.4, -21.2, -139.8, -16.9), (20,)),
    ((-139.8, -19.9, -135.8, -14.3), (32, 37, 42, 51)),
    ((-141.2, -22.8, -137.9, -20.2), (55,)),
    # Gambier, from Morane to Temoe
    ((-137.8, -23.9, -134.0, -20.8), (19,)),
)

COMMUNE_BOXES: dict[str, Box] = {f"987{n}": box for box, communes in _ISLANDS for n in communes}
"""By INSEE code of commune: west, south, east, north, in degrees."""
