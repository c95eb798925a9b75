"""The report in a real browser: no console error, no request, nothing wider than the page, and a print on A4."""

import re
import shutil
import subprocess

import pytest

from qpvhealth.publish.report import html
from qpvhealth.studies.report import Subject, note

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PROBE = """
<script>addEventListener("load", () => {
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const hidden = [...document.querySelectorAll("section")].filter(s => s.getBoundingClientRect().height < 20).length;
  const requests = performance.getEntriesByType("resource").length;
  document.title = `wide=${wide} hidden=${hidden} requests=${requests}`;
})</script>
"""


@pytest.fixture(scope="module")
def browser():
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser here ({', '.join(BROWSERS)}): apt-get install chromium")
    return found


@pytest.fixture(scope="module")
def page(built_release, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html.render(note(Subject.of(built_release, year=2019))), encoding="utf-8")
    return path


def visit(browser, path, folder, *options):
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={folder}"]
    words += ["--enable-logging=stderr", "--v=0", "--virtual-time-budget=20000", *options, path.as_uri()]
    done = subprocess.run([browser, *words], capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_the_page_opens_without_a_console_message(browser, page, tmp_path):
    shown, messages = visit(browser, page, tmp_path, "--dump-dom")
    assert messages == []
    assert shown.count("<circle") > 600


@pytest.mark.parametrize("width", [360, 1440])
def test_every_section_is_seen_and_nothing_is_wider_than_the_page(browser, page, tmp_path, width):
    """A copy without the policy, at the width of a phone and of a laptop, measures itself."""
    text = re.sub(r"<meta http-equiv[^>]*>", "", page.read_text(encoding="utf-8"))
    copy = tmp_path / "copy.html"
    copy.write_text(text.replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    shown, _ = visit(browser, copy, tmp_path / "profile", f"--window-size={width},900", "--dump-dom")
    assert re.search(r"<title>(.*?)</title>", shown)[1] == "wide=0 hidden=0 requests=0"


def test_the_page_prints_on_a4(browser, page, tmp_path):
    target = tmp_path / "report.pdf"
    visit(browser, page, tmp_path / "profile", f"--print-to-pdf={target}", "--no-pdf-header-footer")
    boxes = set(re.findall(rb"/MediaBox\s*\[([^\]]*)\]", target.read_bytes()))
    assert boxes
    for box in boxes:
        assert [round(float(n)) for n in box.split()] == [0, 0, 595, 842]
