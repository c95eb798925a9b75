"""The page that the invented raw folder carries: what it is, and every piece of deliberate dirt in it."""

from __future__ import annotations

from qpvhealth.sample import contours, extracts, planning, workbooks
from qpvhealth.sample.coordinates import is_geocoded
from qpvhealth.sample.neighbourhoods import FAULTS, neighbourhoods
from qpvhealth.sample.resources import records, text
from qpvhealth.sample.revision import edits
from qpvhealth.sample.stories import combined, renumbered, states, states_of, without_number
from qpvhealth.sample.tables import GEOCODED


def dirt() -> dict[str, int]:
    """Count each piece of deliberate dirt, on the construction and not on the files."""
    frame = states()
    count = {
        f"{fault}_{generation[-4:]}": sum(q.fault == fault for q in neighbourhoods(generation))
        for fault in {*FAULTS, "collapsed"}
        for generation in ("qpv-2015", "qpv-2024")
    }
    for year, rows in frame.groupby("year"):
        count[f"repeated_structures_{year}"] = extracts.REPEATED[int(str(year))]
        count[f"contradictory_{year}"] = int((rows["location_status"] == "contradictory").sum())
        count[f"out_of_stock_{year}"] = int((~rows["in_stock"] & ~rows["is_nursing"]).sum())
    links, projects = renumbered(), {p["projet"]: p["montant"] for p in records("files/projects/2024.csv", ";")}
    percentages = [cell for row in planning.figures() for cell in row[2:]]
    return count | {
        "straddling_2015": sum(len(q.communes) > 1 for q in neighbourhoods("qpv-2015")),
        "out_of_scope_2018": sum(extracts.FINESS["out_of_scope"].values()),
        "out_of_scope_2019": int((frame["is_nursing"] & ~frame["in_stock"]).sum()),
        "rejected_2018": len(extracts.BROKEN_2018),
        "rejected_2019": 2,
        "rejected_2020": 1,
        "rejected_2024": 1,
        "without_number_2019": len(without_number()),
        "register_only_2019": extracts.REGISTER_ONLY,
        "geocoded_2019": int((is_geocoded(states_of(2019)) & states_of(2019)["in_stock"]).sum()),
        "geocoded_unusable_2019": len(GEOCODED["unusable"]),
        "renumbered": len(links),
        "confirmed": int(links["is_confirmed"].sum()),
        "combined": len(combined()),
        "n_suppressed": percentages.count("ns"),
        "n_empty": percentages.count(""),
        "n_gp_points": len(records("files/practitioners/points-2024.csv", ";")),
        "n_without_amount": list(projects.values()).count(""),
    }


def readme(*, revised: bool) -> str:
    """Write the page; ``revised`` adds what the second delivery changes."""
    page = text("folder_readme.md").format(
        **dirt(),
        qpv_wrong=contours.wrong_commune()[0],
        qpv_wrong_commune=contours.wrong_commune()[1],
        finess_wrong=workbooks.wrong_commune()[0],
        own_ids=", ".join(f"OBS-{u:05d}" for u in without_number()),
        orphans=1,
    )
    shifts = ", ".join(f"{shift:+.0f}" for shift in edits().values())
    return page + (text("folder_readme_revised.md").format(codes=", ".join(edits()), shifts=shifts) if revised else "")
