"""The first page: what must be read first in five sentences, and the table of stocks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from qpvhealth.facts.categories import CDS, MONO, MSP, PLURI, UNKNOWN
from qpvhealth.facts.situations import ANSWERS, DECLARED, IN_QPV, UNDETERMINED
from qpvhealth.publish import sentences
from qpvhealth.publish.bounds import SIDES, Bounded
from qpvhealth.publish.report.content import NOT_SHOWN, Section, Table
from qpvhealth.rules.scopes import SCOPE_OF_TYPE
from qpvhealth.studies import figures
from qpvhealth.studies.report.subject import ALL, COUNTRY, DEPARTMENT, Subject

if TYPE_CHECKING:
    from datetime import date

DOUBLING = "doublement-msp_cds"
NOBODY = ANSWERS[2]


def headline(subject: Subject) -> Section:
    """Write the essential: stock, net change, quartier vécu, target; each with its date, perimeters, scope and bounds."""
    return Section(
        "essentiel",
        subject.say("headline.title"),
        (*_stock(subject), _net(subject), *_near(subject), *_target(subject), stocks(subject)),
        is_short=True,
    )


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def _stock(subject: Subject) -> list[str]:
    inside, every = subject.figure("n_in_qpv"), subject.figure("n_country")
    n = subject.stock(IN_QPV)
    facts: dict[str, Any] = {"on": _capital(subject.on()), "where": subject.where}
    if n is None:
        return [subject.say("headline.stock_unknown", **facts)]
    facts |= {"perimeters": subject.perimeters(subject.year), "bounds": subject.beside(inside)}
    for name, kind in (("msp", MSP), ("cds", CDS)):
        facts |= {name: subject.stock(IN_QPV, kind), f"{name}_bounds": subject.beside(subject.figure("n_in_qpv", name))}
    whole = {"all": subject.stock(ALL), "all_bounds": subject.beside(every)}
    words = "headline.stock_none" if not n and not inside.upper else "headline.stock"
    lines = [subject.say(words, n=n, **whole, **facts)]
    proportion = subject.share_in_qpv(SCOPE_OF_TYPE[ALL], subject.year)
    lines += [subject.say("headline.small") if isinstance(proportion, str) else _share(subject, proportion)]
    if subject.covered(subject.year) is None:
        lines.append(subject.say("headline.part"))
    if inside.lower is not None and inside.upper is not None and not inside.is_exact:
        bounds = {"lower": inside.lower, "upper": inside.upper}
        words = "headline.unplaced" if subject.covered(subject.year) else "headline.unplaced_part"
        lines.append(subject.say(words, n=subject.stock(UNDETERMINED), **bounds))
    elif inside.is_exact and subject.covered(subject.year) and not subject.n_placeless(subject.year):
        lines.append(subject.say("headline.placed"))
    return lines


def _share(subject: Subject, proportion: Bounded) -> str:
    """Give the share in QPV, beside that of the extract before where both have a base that can carry one."""
    now, compared = subject.text(proportion.value or 0, "share"), ""
    if subject.before is not None:
        before = subject.share_in_qpv(SCOPE_OF_TYPE[ALL], subject.before)
        if isinstance(before, Bounded) and before.value is not None:
            stocks_then = {"n": "n_in_qpv", "all": "n_country"}
            words = {name: subject.text(subject.figure(i, year=subject.before)) for name, i in stocks_then.items()}
            form = "same" if subject.text(before.value, "share") == now else "other"
            words |= {"before": subject.on(subject.before), "share": subject.text(before, "share")}
            compared = subject.say(f"headline.share_{form}", **words)
    return subject.say("headline.share", share=subject.text(proportion, "share"), compared=compared)


def _net(subject: Subject) -> str:
    if subject.before is None:
        return subject.say("headline.one_year")
    net = {kind: subject.figure("net_in_qpv", scope) for kind, scope in SCOPE_OF_TYPE.items()}
    stocks_known = [subject.stock(IN_QPV, year=year) for year in subject.years]
    if None not in stocks_known and not any(stocks_known) and net[ALL].value is None:  # an area without a structure
        net = dict.fromkeys(SCOPE_OF_TYPE, Bounded(0, 0, 0))
    if None in stocks_known or net[ALL].value is None:
        return subject.say("headline.net_unknown", interval=subject.interval)
    if subject.moves.empty and not net[ALL].value:
        return subject.say("headline.net_still", interval=subject.interval, n=stocks_known[-1])
    kinds = {name: subject.text(net[kind], "signed") for name, kind in (("net", ALL), ("msp", MSP), ("cds", CDS))}
    line = subject.say("headline.net", interval=subject.interval, n_cds=net[CDS], **kinds)
    before, after = (subject.perimeters(year) for year in subject.years)
    words = "headline.perimeters_local" if subject.is_local else "headline.perimeters"
    return line if before == after else f"{line} {subject.say(words, before=before, after=after)}"


def answered(subject: Subject, year: int, kind: str = ALL) -> list[str]:
    """Return the regions of the area whose ARS said yes or no of some structure, of this type or of any."""
    kinds = (MSP, CDS) if kind == ALL else (kind,)
    return [r for r in subject.regions if any((year, r, k) in subject.answers for k in kinds)]


def _near(subject: Subject) -> list[str]:
    rule = subject.release.manifest["settings"]["vecu_rule"]
    declared = {kind: subject.figure("n_vecu_declared", scope) for kind, scope in SCOPE_OF_TYPE.items()}
    union, n = subject.figure("n_in_or_near"), declared[ALL].value
    lines = []
    if rule != DECLARED:
        lines.append(
            subject.say("headline.near_rule", near=near_words(subject), n=union.value, bounds=subject.beside(union))
        )
        union = Bounded(None, None, None)
    total = declared[ALL] if union.value is None else union
    upper = subject.say("headline.upper", n=total.upper) if total.upper is not None and not total.is_exact else ""
    if n is None:
        return [*lines, subject.say("headline.near_unknown", on=subject.on(), upper=upper)]
    n_answered, n_ars = len(answered(subject, subject.year)), len(subject.regions)
    if not n_answered and not n:
        return [*lines, subject.say("headline.near_nothing")]
    if subject.level != COUNTRY:
        answers = (
            subject.say("headline.answers_here_part", upper=upper) if upper else subject.say("headline.answers_here")
        )
    elif upper or n_answered < n_ars:
        answers = subject.say("headline.answers_part", answered=n_answered, ars=n_ars, upper=upper)
    else:
        answers = subject.say("headline.answers_all", ars=n_ars)
    kinds = {"msp": declared[MSP], "cds": declared[CDS]}
    words = "headline.near" if subject.level == COUNTRY else "headline.near_here"
    with_inside = "" if union.value is None else subject.say("headline.union", n=union.value)
    beside = subject.beside(declared[ALL])
    lines.append(subject.say(words, n=n, bounds=beside, union=with_inside, answers=answers, **kinds))
    if subject.before is not None:
        if answered(subject, subject.before):
            alone = subject.is_local or subject.level == DEPARTMENT  # whose ARS answers for more than it
            lines.append(subject.say("changes.constant_local" if alone else "headline.near_constant"))
        else:
            lines.append(subject.say("headline.near_before", before=subject.on(subject.before)))
    return lines


def near_words(subject: Subject) -> str:
    """Write the rule of proximity of the release in words."""
    settings = subject.release.manifest["settings"]
    return subject.say(f"near.{settings['vecu_rule']}", distance=settings["vecu_distance_m"])


def _target(subject: Subject) -> list[str]:
    """Hold the doubling of the QPV of 2015 against the stock of the date; only where it was computed for the whole country."""
    if subject.level != COUNTRY:
        return [subject.say("headline.target_local")]
    rows = figures.programmes(subject.release).frame
    of_target = rows[rows["programme"] == DOUBLING]
    rows = of_target[of_target["origin"] == "calculé"]
    rows = rows[pd.to_datetime(rows["on"]).dt.date == subject.day]
    if rows.empty or pd.isna(rows.iloc[0]["value"]):
        return [subject.say("headline.target_unknown", on=subject.on()) + _last_published(subject, of_target)]
    row = rows.iloc[0]
    deadline = row["deadline"].date()
    start = row["baseline_on"].date()
    facts = {"base": row["baseline"], "goal": row["target"], "deadline": sentences.moment(deadline, subject.language)}
    if subject.day <= start:
        return [subject.say("headline.target_base", **facts)]
    if row["value"] >= row["target"]:
        return [subject.say("headline.target_met", **facts)]
    reached = Bounded(*(float(row[side]) for side in ("value", *SIDES)))
    most = reached.upper or 0
    if subject.day > deadline:
        words = "headline.target_open" if most >= row["target"] else "headline.target_late"
        value = {"value": row["value"], "most": most} if most >= row["target"] else {"value": reached}
        return [subject.say(words, on=subject.on(), **value, **facts)]
    elapsed, of = _months(start, subject.day), _months(start, deadline)
    way = Bounded(*(float(row[f"share_of_way{side}"]) for side in ("", "_lower", "_upper")))
    done = {"done": subject.text(way, "share"), "months": elapsed, "of": of}
    lines = [subject.say("headline.target", elapsed=subject.text(elapsed / of, "share"), **done, **facts)]
    if not pd.isna(row["pace_needed"]) and not pd.isna(row["pace_observed"]):
        lines.append(subject.say("headline.target_pace", needed=row["pace_needed"], pace=row["pace_observed"]))
    return lines


def _last_published(subject: Subject, rows: pd.DataFrame) -> str:
    """Name the last figure that others published before the date; nothing where there is none."""
    days = pd.to_datetime(rows["on"])
    others = rows[(rows["origin"] != "calculé") & (days.dt.date <= subject.day)].assign(on=days).sort_values("on")
    if others.empty:
        return ""
    last = others.iloc[-1]
    on = sentences.moment(last["on"].date(), subject.language)
    return subject.say("headline.target_published", value=last["value"], published_on=on)


def _months(start: date, end: date) -> int:
    return (end.year - start.year) * 12 + end.month - start.month


ROWS: tuple[tuple[str, str, str, str], ...] = (
    ("msp", "msp", MSP, ALL),
    ("cds", "cds", CDS, ALL),
    ("mono", "cds_mono", CDS, MONO),
    ("pluri", "cds_pluri", CDS, PLURI),
    ("no_modality", "cds_unknown", CDS, UNKNOWN),
    ("all", "msp_cds", ALL, ALL),
)
"""The rows of table 1, by their words: scope, type and modality."""


def stocks(subject: Subject) -> Table:
    """Return table 1: one row per type and modality, the stocks of both dates, net, shares, quartier vécu, and what is unknown."""
    years = subject.years
    places = subject.structures(subject.year)
    last = subject.year
    lists = {y: f"annexe-structures-{y}" for y in years}
    columns = [subject.column("structures", "text")]
    columns += [subject.column("in_qpv", rows="annexe-qpv" if y == last else lists[y], year=y) for y in years]
    columns += [subject.column("net", "signed", "annexe-mouvements")] if len(years) > 1 else []
    columns += [subject.column("share_in_qpv", "share", year=y) for y in years]
    columns += [subject.column("vecu", rows="annexe-vecu", year=last)]
    columns += [subject.column("in_or_near", rows=lists[last], year=last)]
    columns += [subject.column("listed", rows=lists[y], year=y) for y in years]
    columns += [subject.column(key, rows=lists[last], year=last) for key in ("unplaced", "unanswered")]
    rows = []
    for label, scope, kind, modality in ROWS:
        inside, every = ([subject.stock_figure(i, scope, y) for y in years] for i in ("n_in_qpv", "n_country"))
        is_blurred = modality in (MONO, PLURI) and any(subject.stock(ALL, kind, UNKNOWN, y) for y in years)
        shares = [subject.share_in_qpv(scope, y) for y in years]
        if is_blurred:  # the quotient of two minima is no share
            shares = [replace(s, value=None) if isinstance(s, Bounded) else s for s in shares]
        net = [
            subject.figure("net_in_qpv", scope)
            if modality == ALL and subject.indicator("net_in_qpv", scope) is not None
            else _difference(modality, inside, is_blurred=is_blurred)
        ]
        vecu, union = (
            subject.stock_figure(indicator, scope, last) for indicator in ("n_vecu_declared", "n_in_or_near")
        )
        unknown = (subject.stock(UNDETERMINED, kind, modality), _unanswered(subject, places, kind, modality))
        net = net if len(years) > 1 else []
        rows.append((subject.say(f"rows.{label}"), *inside, *net, *shares, vecu, union, *every, *unknown))
    notes = (
        subject.say("table1.perimeters", perimeters=subject.dated_perimeters),
        subject.say("table1.share"),
        subject.say("table1.modality"),
        subject.say("table1.near", near=near_words(subject)),
        subject.rows_by(f"list counted --year {last}")[0] + subject.say("page.rows_of_cell"),
    )
    dates = subject.both(subject.on(y) for y in years)
    return Table(
        "tableau-1",
        subject.say("table1.caption", where=subject.where, dates=dates),
        tuple(columns),
        tuple(rows),
        notes,
        ("yearly_counts", "indicators", "structure_locations"),
        has_total=True,
    )


def _unanswered(subject: Subject, places: pd.DataFrame, kind: str, modality: str) -> int | None:
    """Count the structures outside a QPV of which no ARS said whether they are near; null where the extract covers nothing."""
    is_counted = (places["situation"] != IN_QPV) & (places["vecu_declared"] == NOBODY)
    is_counted &= (places["structure_type"] == kind) | (kind == ALL)
    is_counted &= (places["modality"] == modality) | (modality == ALL)
    return int(is_counted.sum()) if subject.covered(subject.year) is not False else None


def _difference(modality: str, inside: list[Bounded], *, is_blurred: bool) -> Any:  # noqa: ANN401
    """Return the net change of a modality between both dates; none for the unknown one, null where some centres are of unknown one."""
    if modality == UNKNOWN:
        return NOT_SHOWN
    if is_blurred and not (inside[0].is_exact and inside[-1].is_exact):
        return None
    if None in (inside[0].value, inside[-1].value):
        return None
    before, after = ((f.value or 0, f.lower or 0, f.upper or 0) for f in (inside[0], inside[-1]))
    return Bounded(after[0] - before[0], after[1] - before[2], after[2] - before[1])
