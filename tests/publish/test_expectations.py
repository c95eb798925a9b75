"""A file of expected counts: read, compared, and the cause of a difference named."""

from types import SimpleNamespace

import pandas as pd
import pytest

from qpvhealth.errors import InputError, UsageError
from qpvhealth.publish import expectations
from qpvhealth.publish.expectations import ABSENT, CONFORM, DIFFERS

SETTINGS = {"vecu_distance_m": 300.0, "vecu_rule": "declared", "in_force": {"2019": {}}}


def indicators():
    rows = [("n_in_qpv", 2019, "msp_cds", 280.0, 6), ("n_in_or_near", 2019, "msp_cds", None, 9)]
    frame = pd.DataFrame(rows, columns=["indicator", "year", "scope", "value", "n_unknown"])
    return frame.assign(generation="in_force", level="country", area_code="FR")


def counts():
    rows = [("MSP", "in_qpv", 59), ("all", "all", 3439)]
    frame = pd.DataFrame(rows, columns=["structure_type", "situation", "n_structures"])
    return frame.assign(generation="in_force", year=2019, level="country", area_code="FR", modality="all")


def release(sha="a", version="1", **settings):
    tables = {"indicators": indicators(), "yearly_counts": counts()}
    inputs = [{"id": "structures-2019", "sha256": sha, "year": 2019}, {"id": "qpv", "sha256": "q"}]
    manifest = {"inputs": inputs, "settings": SETTINGS | settings, "qpvhealth_version": version}
    return SimpleNamespace(
        table=lambda name, columns=None: tables[name] if columns is None else tables[name][list(columns)],
        manifest=manifest,
        invented=True,
        id="abc",
    )


def compared(text, tmp_path, held, name="expect.toml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return expectations.compare(expectations.read(path), held)


FIGURE = '[[expect]]\nindicator = "n_in_qpv"\nyear = 2019\nvalue = {value}\n'


def test_conform_and_different(tmp_path):
    assert compared(FIGURE.format(value=280), tmp_path, release())["verdict"].tolist() == [CONFORM]
    found = compared(FIGURE.format(value=281), tmp_path, release()).iloc[0]
    assert (found["verdict"], found["difference"], "6 inconnus" in found["cause"]) == (DIFFERS, -1, True)


def test_counts_by_situation_in_csv(tmp_path):
    text = "year;structure_type;situation;value;tolerance\n2019;MSP;in_qpv;60;1\n2019;CDS;in_qpv;0;\n2018;all;all;1;\n"
    found = compared(text, tmp_path, release(), "expect.csv")
    assert found["verdict"].tolist() == [CONFORM, CONFORM, ABSENT]  # an empty cell of a counted year is 0


def test_a_modality_that_no_centre_has_is_absent_not_zero(tmp_path):
    held, rows = release(), {"structure_type": "CDS", "situation": "all", "n_structures": 3}
    text = (
        "year;structure_type;modality;value\n2019;CDS;mono;0\n2019;all;pluri;0\n2019;MSP;mono;0\n2019;CDS;unknown;3\n"
    )

    def with_modality(modality):
        cell = pd.DataFrame([rows | {"modality": modality, "year": 2019, "generation": "in_force"}])
        both = pd.concat([counts(), cell.assign(level="country", area_code="FR")])
        held.table = {"yearly_counts": both, "indicators": indicators()}.__getitem__
        return compared(text, tmp_path, held, "expect.csv")["verdict"].tolist()

    assert with_modality("unknown") == [ABSENT, ABSENT, CONFORM, CONFORM]
    assert with_modality("pluri")[0] == CONFORM  # a centre of known modality: none is mono


def test_an_unknown_figure_is_absent_not_zero(tmp_path):
    text = '[[expect]]\nindicator = "n_in_or_near"\nyear = 2019\nvalue = 0\n'
    assert compared(text, tmp_path, release())["verdict"].tolist() == [ABSENT]


def test_the_file_written_of_a_release_holds_it(tmp_path):
    written = expectations.text(release())
    assert not expectations.differing(compared(written, tmp_path, release()))


@pytest.mark.parametrize(
    ("held", "cause", "english"),
    [
        (release(sha="b"), "source structures-2019 modifiée", "source structures-2019 changed"),
        (
            release(vecu_distance_m=500.0),
            "choix vecu_distance_m : 300.0, devenu 500.0",
            "setting vecu_distance_m: 300.0 became 500.0",
        ),
        (release(version="2"), "qpvhealth 1, devenu 2", "qpvhealth 1 became 2"),
        (release(), "mêmes fichiers et mêmes choix", "same inputs and settings"),
    ],
)
def test_causes(tmp_path, held, cause, english):
    written = expectations.text(release()).replace("value = 280", "value = 279")
    found = compared(written, tmp_path, held)
    why = found.loc[found["verdict"] == DIFFERS, "cause"].item()
    assert cause in why
    assert english in found.attrs["english"][why]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x = 1", "unknown section x"),
        ("", r"no \[\[expect\]\]"),
        ('[[expect]]\nindicator = "n"\nyear = "2019"\nvalue = 1', "year must be a number"),
        ('[[expect]]\nindicator = "n"\nyear = inf\nvalue = 1', "year must be a number"),
        ('[[expect]]\nindicator = "n"\nyear = 2019.5\nvalue = 1', "year must be a year"),
        ('[[expect]]\nindicator = "n"\nyear = 2019\nvalue = nan', "value must be a number"),
        (
            '[[expect]]\nindicator = "n"\nyear = 2019\nvalue = 1\ntolerance = 1' + "0" * 400,
            "tolerance must be a number",
        ),
        ('[[expect]]\nindicator = "n"\nyear = 2019\nvalue = 1\nvalues = 2', "unknown key values"),
        ('[[expect]]\nindicator = "n"\nyear = 2019\nvalue = 1\nsituation = "in_qpv"', "write scope instead"),
        (FIGURE.format(value=1) * 2, "expected twice"),
    ],
)
def test_wrong_files(tmp_path, text, problem):
    with pytest.raises(UsageError, match=problem):
        compared(text, tmp_path, release())


def test_a_file_that_is_no_toml(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        compared("[[", tmp_path, release())


@pytest.mark.parametrize(
    ("text", "name", "raised"),
    [
        ("made_from = 3\n" + FIGURE.format(value=1), "x.toml", UsageError),
        (FIGURE.format(value=1) + "tolerance = 'big'\n", "x.toml", UsageError),
        ("[[expect]]\nindicator = ['n']\nyear = 2019\nvalue = 1\n", "x.toml", UsageError),
        ("[[expect]]\nindicator = 3\nyear = 2019\nvalue = 1\n", "x.toml", UsageError),
        ("a = " + "[" * 50_000, "x.toml", InputError),
        ('year,value\n"' + "9" * 200_000, "x.csv", InputError),
        ("a\0,b\n1,2\n", "x.csv", UsageError),
        ("year,value,structure_type\n2019,1\n2019,1,MSP,in_qpv,more\n", "x.csv", UsageError),
    ],
)
def test_a_hostile_file_is_refused(tmp_path, text, name, raised):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(raised, match=name):
        expectations.read(path)
