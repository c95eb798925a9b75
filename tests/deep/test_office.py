"""The workbook and the text document in LibreOffice: both convert to PDF without a warning, on as many sheets as can be read."""

import os
import re
import shutil
import subprocess

import pytest

from qpvhealth.publish.report import files
from qpvhealth.studies.report import Subject, note

JAVA = "failed to launch javaldx"
"""Said by LibreOffice itself where there is no Java: nothing of ours needs it."""


@pytest.fixture(scope="module")
def office():
    if (program := shutil.which("soffice")) is None:
        pytest.skip("no soffice here: apt-get install libreoffice-calc libreoffice-writer --no-install-recommends")
    return program


@pytest.fixture(scope="module")
def report(built_release, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    files.write(lambda audience: note(Subject.of(built_release, year=2019, audience=audience)), folder, ["xlsx", "odt"])
    return folder


@pytest.mark.parametrize(("fmt", "pages"), [("xlsx", (20, 400)), ("odt", (20, 45))])
def test_it_converts_without_a_warning(office, report, tmp_path, fmt, pages):
    """The workbook lists the rows behind its figures: some 300 pages if they are printed; the text has a few tens."""
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    words = [office, profile, "--headless", "--convert-to", "pdf", "--outdir", tmp_path, report / f"report.{fmt}"]
    variables = os.environ | {"HOME": str(tmp_path)}
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False, env=variables)
    assert done.returncode == 0, done.stderr
    messages = [line for line in (done.stdout + done.stderr).splitlines() if line.strip() and JAVA not in line]
    assert len(messages) == 1, messages
    assert messages[0].startswith("convert ")
    content = (tmp_path / "report.pdf").read_bytes()
    n = len(re.findall(rb"/Type\s*/Page\b", content))
    assert pages[0] <= n <= pages[1]
