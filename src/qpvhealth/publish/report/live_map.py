"""The interactive map in the page: its controls, its data as JSON that no text can leave, its script with the hash that the policy names.

Without JavaScript the section says so, and its tables serve. It is not printed: the two maps before it are.
"""

from __future__ import annotations

import json
import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np

from qpvhealth.publish.report.content import single_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qpvhealth.publish.report.content import LiveMap

ANCHOR, AFTER = "carte-interactive", "cartes"
"""The section, and the one that it follows."""
STEP = 1e-5
"""Corners of outlines are whole numbers of this part of a degree, each from the corner before."""
SCRIPT = "\n" + resources.files(__package__).joinpath("live_map.js").read_text(encoding="utf-8")
STYLE = """
.live-tools{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:end;margin:.5rem 0}
.live-tools label{display:grid;font-size:.8125rem}.live-tools .check{display:flex;gap:.3rem;align-items:center}
.live-tools :is(input,select,button){font:inherit;min-height:2rem;max-width:100%}
.live-tools button{min-width:2.2rem;margin-right:.4rem}
:is(button,input,select,summary,canvas,h3):focus-visible{outline:3px solid #0a3d91;outline-offset:2px}
.live-body{display:grid;grid-template-columns:minmax(0,2fr) minmax(0,1fr);gap:1rem}
.live-body canvas{width:100%;height:min(36rem,70vh);touch-action:none;border:1px solid #767676;box-sizing:border-box;cursor:grab}
.live-facts{max-height:min(36rem,70vh);overflow-y:auto}.live-facts h3,.live-facts h4{margin:.2rem 0}.live-facts dl{display:block}
.live-facts dd{margin-bottom:.3rem;overflow-wrap:anywhere}.live-facts ul{padding-left:1.2rem;margin:.2rem 0}
.live-facts button,.live-results button,tbody th button{font:inherit;text-align:left;border:0;background:none;color:#0a3d91;text-decoration:underline;padding:.1rem 0;cursor:pointer}
.live-results{max-height:12rem;overflow-y:auto;margin:.2rem 0;padding-left:1.2rem;font-size:.875rem}
.live-key{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;list-style:none;padding:0;font-size:.8125rem}
.live-key li{display:flex;gap:.4rem;align-items:center}.live-key canvas{width:18px;height:18px}
details .scroll{max-height:70vh;overflow-y:auto}summary{cursor:pointer;padding:.4rem 0;font-weight:600}
@media (max-width:48rem){.live-body{grid-template-columns:minmax(0,1fr)}.live-body canvas{height:60vh}}
@media print{#carte-interactive{display:none}}
"""


@cache
def words_of(language: str) -> dict[str, Any]:
    """Return the words around the map and of its script, in a language."""
    text = resources.files(__package__).joinpath("live_map.toml").read_text(encoding="utf-8")
    return dict(tomllib.loads(text)[language])


def steps_of(corners: Iterable[Sequence[float]]) -> list[int]:
    """Write a ring (degrees) as whole steps, each corner from the one before, without the last, which closes it."""
    whole = np.rint(np.asarray([c[:2] for c in corners], dtype=float) / STEP).astype(int)[:-1]
    moved = np.diff(whole, axis=0, prepend=0)
    moved = moved[(moved != 0).any(axis=1)]
    return [int(n) for n in moved.ravel()]


def as_json(data: Any) -> str:  # noqa: ANN401
    """Write data as JSON inside a script element: ``<`` is escaped, so that no text ends the element or opens a comment in it."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def controls(part: ET.Element, live: LiveMap, language: str) -> None:
    """Write the sentences, the controls, the canvas, the place of the facts and the key."""
    words = words_of(language)
    for text in live.paragraphs:
        _add(part, "p", text)
    _add(ET.SubElement(part, "noscript"), "p", words["no_script"], {"class": "warning"})
    box = ET.SubElement(part, "div", {"id": "live-map", "hidden": ""})
    tools = ET.SubElement(box, "div", {"class": "live-tools"})
    field = {"type": "search", "id": "live-search", "autocomplete": "off", "aria-describedby": "live-count"}
    ET.SubElement(_add(tools, "label", words["search"]), "input", field)
    for name in ("view", "paint", "place"):
        ET.SubElement(_add(tools, "label", words[name]), "select", {"id": f"live-{name}"})
    check = ET.SubElement(tools, "label", {"class": "check"})
    ET.SubElement(check, "input", {"type": "checkbox", "id": "live-far"}).tail = words["far"]
    buttons = ET.SubElement(tools, "div")
    for name, sign in (("in", "+"), ("out", "\u2212")):
        _add(buttons, "button", sign, {"type": "button", "id": f"live-{name}", "aria-label": words[name]})
    _add(box, "p", "", {"id": "live-count", "class": "note", "role": "status"})
    ET.SubElement(box, "ul", {"id": "live-results", "class": "live-results", "aria-label": words["results"]})
    body = ET.SubElement(box, "div", {"class": "live-body"})
    label = {"aria-label": words["canvas"], "aria-describedby": "live-help", "role": "application"}
    ET.SubElement(body, "canvas", {"id": "live-canvas", "tabindex": "0", **label})
    panel = {"id": "live-facts", "class": "live-facts", "role": "region", "aria-label": words["facts"], "tabindex": "0"}
    _add(ET.SubElement(body, "div", {**panel, "aria-live": "polite"}), "p", words["choose"])
    ET.SubElement(box, "ul", {"id": "live-key", "class": "live-key", "aria-label": words["key"]})
    _add(box, "p", words["help"], {"id": "live-help", "class": "note"})


def script(part: ET.Element, live: LiveMap, language: str) -> None:
    """Write the data and the script, after the tables that it leads from."""
    data = {"words": words_of(language), "step": STEP, **live.data}
    ET.SubElement(part, "script", {"type": "application/json", "id": "live-data"}).text = as_json(data)
    ET.SubElement(part, "script").text = SCRIPT


def _add(parent: ET.Element, tag: str, text: str, attributes: dict[str, str] | None = None) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes or {})
    element.text = single_line(text)
    return element
