"""The page that the invented raw folder carries: what it is, and every piece of deliberate dirt in it."""

from __future__ import annotations

from dataclasses import asdict

from qpvhealth.sample import contours, workbooks
from qpvhealth.sample.planning import planning_truth
from qpvhealth.sample.stories import combined, renumbered, without_number
from qpvhealth.sample.truth import truth

TEXT = """\
# An invented France

Written by `qpvhealth sample`. Départements and regions bear real codes; communes, neighbourhoods, structures, people and
answers are all invented and match nothing real. What was published is found again by counting: structures in QPV 42 and 209
(March 2018), 59 and 221 (March 2019), 86 and 227 in 223 QPV (April 2020). The national totals of 2020 and all of 2024 are
invented. `sources.toml` describes each file, `corrections.toml` the known errors.

## Deliberate dirt

Neighbourhoods
- 2015, metropolitan and overseas: {bowtie_2015} self-crossing rings, {spike_2015} spikes, {pinched_2015} pinched rings; the dbf
  is in cp1252 without .cpg, and some names hold characters that only cp1252 has; one neighbourhood of the metropolitan file is there twice.
- Mayotte is in degrees (EPSG:4470) despite the name of its file. Communes are named, not coded, in the files of 2015.
- 2024: {collapsed_2024} polygon without area, {bowtie_2024} self-crossing rings, {spike_2024} spikes; EPCI written `NA`; no region
  for 978 and 987; {qpv_wrong} carries the commune {qpv_wrong_commune}, which is another (corrected).
- {straddling_2015} neighbourhoods of 2015 lie in two communes; one overseas cell of 2024 reads "97190, 97191".
- The file of people in 2020 repeats the neighbourhood on each of its communes, and has none of 978 and 987.

Structures
- 2018: cp1252, no header, sections one after the other, a blank line; {out_of_scope_2018} rows of other categories;
  {rejected_2018} rows with an invalid number or none; {repeated_structures_2018} repeated rows and one repeated point; old and new
  names of coordinate systems; points that are the middle of the commune (ADMIN-EXPRESS-2023); rows without point;
  {contradictory_2018} points that contradict their commune (x and y swapped, or overseas metres said to be Lambert-93).
- 2019: titles, merged band, blank rows, a sheet of notes; commune codes from 01 to 09 that lost their zero; dates as text;
  {repeated_structures_2019} repeated rows; {rejected_2019} rows without a usable identifier; {without_number_2019} rows known only by the
  ministry's identifier ({own_ids}); {out_of_scope_2019} nursing centres, which this extract does not count and that of 2020 does; closed structures still listed; openings in the future; flags that
  disagree with the place. Points come from the register, for those it cannot hold from the workbook, for {geocoded_2019} from the
  geocoder, whose {geocoded_unusable_2019} other answers decide nothing. The register has {register_only_2019} structures that the extract has not.
- 2020: another header; {repeated_structures_2020} repeated rows; {rejected_2020} invalid number; a wrong commune ({finess_wrong}, corrected).
- 2024: columns in another order, quoted names; {repeated_structures_2024} repeated rows; {rejected_2024} invalid number; one row in a
  département that does not exist; overseas metres given for one structure in two; 975, 977, 978 and 987 are not covered.
- Some structures stand exactly on a border (inside), on a border shared by two neighbourhoods, 7 m inside, 8 and 10 m outside.
- Structures that nobody can place stand in communes whose neighbourhoods are all covered anyway, or in communes that have none.

Answers and zonings
- Declarations: one names a structure that no extract holds; some name two neighbourhoods, some none; three declare a
  structure that is inside; Corse and Martinique did not answer.
- Identities: {renumbered} structures change number, of which the file of links confirms {confirmed}; the others are left to be
  proposed. It also holds {combined} records that merge into another or come out of one.
- Zoning 2019: {orphans} code without contour; classes on three levels; the class `0` for a few. Zoning 2025: repeated rows, rows
  without INSEE code, communes without result.

## For planners

Figures of the neighbourhoods of 2024 (poverty, 60 and over; {n_suppressed} suppressed, {n_empty} missing), GPs of the communes of
Bretagne (one has none, one is suppressed), of that region and of the country, the {n_gp_points} GPs of Ille-et-Vilaine with their point
and age, and ten projects, {n_without_amount} of them without an amount, one of another type. The densities and age shares are those of
document 004; the town is invented, and so is every GP.
"""


def readme() -> str:
    """Write the page."""
    return TEXT.format(
        **truth().dirt,
        **asdict(planning_truth()),
        qpv_wrong=contours.wrong_commune()[0],
        qpv_wrong_commune=contours.wrong_commune()[1],
        finess_wrong=workbooks.wrong_commune()[1],
        own_ids=", ".join(f"OBS-{u:05d}" for u in without_number()),
        orphans=1,
        renumbered=len(renumbered()),
        confirmed=int(renumbered()["is_confirmed"].sum()),
        combined=len(combined()),
    )
