"""The report in a real browser: no console message, no request, the map used by mouse, touch and keyboard, and a print on A4."""

import json
import re
from importlib import resources

import pytest

from qpvhealth.publish.report import html
from qpvhealth.studies.report import Subject, note
from tests import browser
from tests.studies.report.test_live_map import HOSTILE
from tests.studies.report.test_note import tiny

CANVAS = "document.getElementById('live-canvas')"
PHONE, LAPTOP = 360, 1440
PAGES = 40
"""The report of the invented France is some 30 sheets: 40 would be a list of all its QPV or structures in print."""
HIDDEN = (
    "[...document.querySelectorAll('section')].filter((s) => s.getBoundingClientRect().height < 20).map((s) => s.id)"
)
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
INK = """(() => {
  const { data } = document.getElementById('live-canvas').getContext('2d').getImageData(0, 0, 800, 400);
  const colours = new Set();
  for (let k = 0; k < data.length; k += 4) colours.add(data[k] * 65536 + data[k + 1] * 256 + data[k + 2]);
  return colours.size;
})()"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    if (program := browser.program()) is None:
        pytest.skip(f"no browser here ({', '.join(browser.PROGRAMS)}): apt-get install chromium")
    with browser.opened(program, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def report(built_release, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html.render(note(Subject.of(built_release, year=2019))), encoding="utf-8")
    return path


@pytest.fixture
def at(page, report):
    """Return a function that opens the report at a width and waits until its map is drawn."""

    def opened(width, **options):
        page.messages.clear()
        page.requests.clear()
        page.open(report, width, **options)
        if options.get("script", True):
            page.wait(f"{CANVAS}.dataset.drawn")
        return page

    return opened


def text(page, name):
    return page.value(f"document.getElementById('live-{name}').innerText")


def write(page, words):
    """Write into the field of the search, as a person does."""
    page.value("document.getElementById('live-search').focus()")
    page.value("document.getElementById('live-search').value = ''")
    page.send("Input.insertText", text=words)


def middle(page):
    """Return the middle of the map in the window."""
    page.value(f"{CANVAS}.scrollIntoView({{block: 'center'}})")
    return page.value(
        f"(() => {{ const b = {CANVAS}.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; }})()"
    )


def rested(page):
    """Wait until what was asked is drawn."""
    page.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def drawn(page):
    rested(page)
    return int(page.value(f"{CANVAS}.dataset.drawn"))


@pytest.mark.parametrize("width", [PHONE, LAPTOP])
def test_every_section_is_seen_nothing_is_too_wide_nothing_is_asked_for_or_logged(at, report, width):
    page = at(width)
    assert page.value(HIDDEN) == []
    assert page.value(WIDE) <= 0
    assert page.value(INK) > 8
    assert page.messages == []
    assert set(page.requests) == {report.as_uri()}


def test_no_table_is_wider_than_a_laptop_of_1280_pixels(page, built_release, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(html.render(note(Subject.of(built_release, year=2024))), encoding="utf-8")
    page.open(path, 1280)
    assert page.value("document.querySelectorAll('#tableau-1.wide thead th').length") == 12
    wide = "[...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth)"
    assert page.value(f"{wide}.map((e) => e.querySelector('table').id)") == []


def test_the_search_finds_and_shows_the_facts(at):
    page = at(LAPTOP)
    write(page, "QUARTIER invente 112 qp0939")
    assert text(page, "count") == "1 résultat(s)"
    assert "QP093901" in text(page, "results")
    page.press("Enter", windowsVirtualKeyCode=13)
    assert "QP093901" in text(page, "facts")
    assert "Ville-Inventée-93-02" in text(page, "facts")
    assert page.value("document.activeElement.tagName") == "H3"
    assert page.messages == []


def test_a_click_the_enter_key_and_a_finger_show_the_same_facts(at):
    page = at(LAPTOP)
    write(page, "QP093901")
    page.press("Enter", windowsVirtualKeyCode=13)
    sought = text(page, "facts")
    for act in ("click", "key", "finger"):
        page.value("document.getElementById('live-facts').replaceChildren()")
        x, y = middle(page)
        if act == "click":
            page.click(x, y)
        elif act == "key":
            page.value(f"{CANVAS}.focus()")
            page.press("Enter", windowsVirtualKeyCode=13)
        else:
            page.send("Emulation.setTouchEmulationEnabled", enabled=True)
            page.send("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
            page.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
            page.send("Emulation.setTouchEmulationEnabled", enabled=False)
        assert text(page, "facts") == sought, act


def test_the_map_moves_by_wheel_drag_keys_and_choice(at):
    page = at(LAPTOP)
    whole = drawn(page)
    assert whole > 1_000
    x, y = middle(page)
    page.value(f"{CANVAS}.focus()")
    page.mouse("mouseWheel", x, y, deltaX=0, deltaY=-500)
    assert 0 < drawn(page) < whole / 2
    page.press("Home", windowsVirtualKeyCode=36)
    assert drawn(page) == whole
    for _ in range(9):
        page.press("ArrowLeft", windowsVirtualKeyCode=37)
    assert drawn(page) < whole
    page.press("Home", windowsVirtualKeyCode=36)
    page.mouse("mousePressed", x, y, button="left", clickCount=1)
    page.mouse("mouseMoved", x + 380, y, button="left", buttons=1)
    page.mouse("mouseReleased", x + 380, y, button="left", clickCount=1)
    assert drawn(page) < whole
    page.value(
        "(() => { const s = document.getElementById('live-place'); s.value = 1; s.dispatchEvent(new Event('change')); })()"
    )
    assert 0 < drawn(page) < 200
    page.value("document.getElementById('live-far').click()")
    assert page.messages == []


def test_each_generation_and_the_zoning_are_shown(at):
    page = at(LAPTOP)
    page.value(
        "(() => { const s = document.getElementById('live-view'); s.value = 1; s.dispatchEvent(new Event('change')); })()"
    )
    write(page, "qn093")
    assert "QN093" in text(page, "results")
    assert "une structure ou plus dans le périmètre" in text(page, "key")
    page.value(
        "(() => { const s = document.getElementById('live-paint'); s.value = 1; s.dispatchEvent(new Event('change')); })()"
    )
    assert "zone d'intervention prioritaire" in text(page, "key") or "sans classe" in text(page, "key")


def test_the_tables_under_the_map_lead_to_it(at):
    page = at(LAPTOP)
    page.value("document.getElementById('live-structures-list').open = true")
    page.wait("document.querySelectorAll('#live-structures tbody th button').length > 3000")
    page.value("document.querySelector('#live-structures tbody th button').click()")
    code = page.value("document.querySelector('#live-structures tbody th').textContent")
    assert code in text(page, "facts")


def test_without_javascript_the_section_says_so_and_its_tables_serve(at):
    page = at(PHONE, script=False)
    page.send("Emulation.setScriptExecutionDisabled", value=False)
    shown = page.value("document.getElementById('carte-interactive').innerText")
    assert "JavaScript est désactivé" in shown
    assert "Chercher" not in shown
    assert page.value("document.querySelectorAll('#live-quarters tbody tr').length") == 1514
    assert page.value(WIDE) <= 0
    assert page.messages == []


def test_a_hostile_name_is_text_on_the_map_and_nothing_runs(page, tmp_path):
    release = tiny(tmp_path / "raw", {2019: ["0X0000001,MSP,93001,2.305,48.905"]}, name=HOSTILE)
    path = tmp_path / "report.html"
    path.write_text(html.render(note(Subject.of(release))), encoding="utf-8")
    page.messages.clear()
    page.open(path)
    page.wait(f"{CANVAS}.dataset.drawn")
    write(page, "<script>")
    page.press("Enter", windowsVirtualKeyCode=13)
    assert text(page, "facts").startswith("</script><script>alert(1)</script><!--")
    assert page.value("document.scripts.length") == 2
    assert page.messages == []


@pytest.mark.parametrize("width", [PHONE, LAPTOP])
def test_axe_finds_nothing_serious(at, width):
    page = at(width)
    page.value((resources.files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8") + ";0")
    page.value("document.querySelectorAll('tbody').forEach((b) => [...b.rows].slice(8).forEach((r) => r.remove()))")
    page.value("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    write(page, "QP093")
    violations = json.loads(page.value("axe.run().then(({ violations }) => JSON.stringify(violations))"))
    grave = [
        (v["id"], [n["html"][:200] for n in v["nodes"][:3]])
        for v in violations
        if v["impact"] in ("serious", "critical")
    ]
    assert grave == []


def test_the_page_prints_on_a4(at):
    content = at(LAPTOP).pdf()
    boxes = re.findall(rb"/MediaBox\s*\[([^\]]*)\]", content)
    assert 10 < len(boxes) < PAGES
    for box in set(boxes):
        assert [round(float(n)) for n in box.split()] == [0, 0, 595, 842]
