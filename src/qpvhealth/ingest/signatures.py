"""Signatures of cards: findings that surprise and are true, each accepted by name, date and reason (``[[source.accept]]``).

A signature holds for the bytes of its card's file only. One that meets no finding stops the run, as a correction does.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from qpvhealth.contract.rules import STRICT, WARNING, Finding, all_rules
from qpvhealth.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qpvhealth.ingest.card import Card

KEYS = ("rule", "value", "area", "by", "on", "reason")


def problems(entry: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the signatures of one card, as written in ``sources.toml``."""
    signatures = entry.get("accept", [])
    if signatures and "sha256" not in entry:
        yield "accept holds for the bytes of one file: write its sha256 in the card too"
    for number, signature in enumerate(signatures, 1):
        where = f"accept no. {number}"
        if not isinstance(signature, dict):
            yield f"{where} is written [[source.accept]], with {', '.join(KEYS)}"
            continue
        yield from (f"{where}: {key} is missing" for key in KEYS if key not in signature)
        yield from (f'{where}: unknown key "{key}"; known: {", ".join(KEYS)}' for key in signature if key not in KEYS)
        if type(signature.get("on", date.min)) is not date:
            yield f"{where}: on must be a date (2019-03-31), not {signature['on']!r}"
        rule = str(signature.get("rule"))
        if rule not in all_rules():
            yield f'{where}: no rule is called "{rule}"'
        elif all_rules()[rule].level not in (WARNING, STRICT):
            yield f"{where}: {rule} is an error or rejects rows, which nobody can sign: mend the file, the card or the row"


def sign(findings: Sequence[Finding], cards: Sequence[Card]) -> list[Finding]:
    """Return the findings, signed where a card accepts them. Raises UsageError for the signatures that meet none."""
    signed, stale = list(findings), []
    for card in cards:
        for signature in card.get("accept", ()):
            wanted = {key: str(signature[key]) for key in KEYS}
            at = [n for n, finding in enumerate(signed) if _meets(finding, wanted, card.id)]
            if not at:
                about = [f for f in findings if f.rule == wanted["rule"] and card.id in f.source_ids]
                seen = "; ".join(f'area "{f.area}", value "{f.value}"' for f in about[:5]) or "no such finding"
                stale.append(f'card {card.id}: accept {wanted["rule"]}, area "{wanted["area"]}": {seen}')
            for n in at:
                who = {key: wanted[key] for key in ("by", "on", "reason")}
                signed[n] = replace(signed[n], signed={"source_id": card.id} | who)
    if stale:
        raise UsageError(
            "\n".join([*stale, "these signatures meet no finding: remove them, or look at the file again"])
        )
    return signed


def _meets(finding: Finding, wanted: dict[str, str], card_id: str) -> bool:
    seen = (finding.rule, finding.area, finding.value)
    return (
        bool(finding.value)
        and seen == (wanted["rule"], wanted["area"], wanted["value"])
        and card_id in finding.source_ids
    )
