"""Figures per QPV, practitioners, projects and targets: what is read, refused, repeated, suppressed."""

import dataclasses

import pytest

import qpvhealth
from qpvhealth.errors import InputError, UsageError
from qpvhealth.ingest import cards, inspection
from qpvhealth.ingest.kinds import practitioners, projects, quarter_indicators, series, targets
from tests.sample import selection

FIGURES = {"generation": "qpv-2015", "reference_year": 2013}


def card(tmp_path, kind, text, name="f.csv", **keys):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    values = keys.pop("values", {})
    return cards.Card("c", kind, path, name, keys, keys.pop("columns", {}), values)


def figures(tmp_path, text):
    return quarter_indicators.read(card(tmp_path, "neighbourhood_indicators", text, **FIGURES))


def test_figures_in_long_form(tmp_path):
    text = (
        "CODGEO;LIBGEO;TP60;DISP_Q2\nEnsemble;Ensemble;;\nQP001001;A;43,5;12\u202f345\n"
        "QP001002;B;ns;\nQP001001;A;43,5;12\u202f345\n"
    )
    staged = figures(tmp_path, text)
    rows = staged.frame.set_index(["qpv_code", "figure"])
    assert rows.loc["QP001001", "value"].to_dict() == {"poverty_rate": 43.5, "median_income": 12345}
    assert rows.loc["QP001002", "reason"].to_dict() == {"poverty_rate": "suppressed", "median_income": "empty"}
    assert (staged.tally.rows_in, staged.tally.rows_out, staged.tally.duplicates) == (4, 2, 1)
    assert staged.tally.out_of_scope == {"total row": 1}


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("CODGEO;TP60\nQP001001;beaucoup\n", UsageError, "no known sentinel"),
        ("CODGEO;X\nQP001001;1\n", UsageError, "no known figure"),
        ("CODGEO;TP60\nQP001001;1\nQP001001;2\n", InputError, "two rows that differ"),
    ],
)
def test_figures_refused(tmp_path, text, error, words):
    with pytest.raises(error, match=words):
        figures(tmp_path, text)


def test_the_last_year_of_a_figure_is_kept(tmp_path):
    one = figures(tmp_path, "CODGEO;TP60\nQP001001;1\n").frame
    two = one.assign(value=2.0, reference_year=2020)
    assert quarter_indicators.combine([two, one])["value"].tolist() == [2.0]
    with pytest.raises(InputError, match="two files"):
        quarter_indicators.combine([one, one])


def test_practitioners_by_area(tmp_path):
    text = "code_commune;effectif;part_55_plus;population\n35238;290;50 %;216000\n1053;NS;;\n".replace(" %", "")
    rows = practitioners.read(card(tmp_path, "practitioners", text, year=2014)).frame
    assert rows["area_code"].tolist() == ["35238", "01053"]
    assert rows["n_over_55"].tolist()[0] == 145
    assert rows["n_gp"].isna().tolist() == [False, True]  # NS is suppressed, not 0


def test_more_gps_over_55_than_gps_is_no_number(tmp_path):
    staged = practitioners.read(
        card(tmp_path, "practitioners", "code_commune;n_gp;n_over_55\n35238;3;4\n35239;4;4\n", year=2014)
    )
    assert staged.frame["area_code"].tolist() == ["35239"]
    assert staged.rejects["rule"].tolist() == ["value-unreadable"]


def test_practitioners_as_points(tmp_path):
    text = "lon;lat;age;plus_de_55_ans\n-1.68;48.1;60;\n-1.69;48.1;;non\n;48;40;\n"
    staged = practitioners.read(card(tmp_path, "practitioners", text, year=2014))
    assert staged.frame["n_over_55"].tolist() == [1.0, 0.0]
    assert staged.tally.rejected == 1
    assert staged.rejects["raw"].tolist() == ["(texte non publié : il désigne un praticien)"]
    assert staged.rejects["cell"].isna().all()


PROJECTS = (
    "projet;type;avancement;ouverture;financeur;montant;qpv;commune;lon;lat;frein\n"
    "P1;MSP;en travaux;2025-09-01;FIQCS;50 000 €;QP035001;35238;;;\n"
    "P1;MSP;en travaux;2025-09-01;FNADT;100000;QP035001;35238;;;\n"
    "P2;Pôle;ouvert;;;;;35238;-1.68;48.1;\n"
    "P3;centre de santé;projet;2026;;;;35238;;;foncier\n"
)


def test_projects_and_their_funding(tmp_path):
    planned, funding = projects.combine([projects.read(card(tmp_path, "projects", PROJECTS, year=2024)).frame])
    rows = planned.set_index("project_id")
    assert rows["structure_type"].to_dict() == {"P1": "MSP", "P2": "Pôle", "P3": "CDS"}
    assert rows["stage"].to_dict() == {"P1": "building", "P2": "open", "P3": "studied"}
    assert rows.loc["P1", "amount"] == 150_000
    assert rows["amount"].isna().sum() == 2  # no amount is not 0
    assert f"{rows.loc['P3', 'expected_on']:%Y-%m-%d}" == "2026-12-31"
    assert funding.set_index("funder")["amount"].to_dict() == {"FIQCS": 50_000, "FNADT": 100_000}


def test_projects_refused(tmp_path):
    with pytest.raises(UsageError, match="stage"):
        projects.read(card(tmp_path, "projects", PROJECTS.replace("en travaux", "bientôt"), year=2024))
    text = PROJECTS.replace("travaux;2025-09-01;FNADT", "travaux;;FNADT")
    lines = projects.read(card(tmp_path, "projects", text, year=2024))
    with pytest.raises(InputError, match="P1 disagree"):
        projects.combine([lines.frame])


def test_targets(tmp_path):
    text = (
        "id;label;measure;scope;target;source;baseline;baseline_on;deadline;perimeter\n"
        "a;A;n_in_qpv;msp;10;us;5;2020-01-01;2025-12-31;all_2015\nb;B;n_in_qpv;msp;10;us;;;;nowhere\n"
        "d;D;n_in_qpv;msp;10;us;;;;\n"
    )
    staged = targets.read(card(tmp_path, "targets", text))
    assert staged.frame["id"].tolist() == ["a", "d"]
    assert staged.frame["no_base"].tolist() == ["", targets.NO_BASE]
    assert staged.rejects["message"].str.contains("nowhere").all()
    with pytest.raises(UsageError, match="given twice"):
        targets.combine([staged.frame, staged.frame])
    assert list(targets.combine([]).columns) == list(targets.combine([staged.frame]).columns)


CARDS = "".join(
    f"[[source]]\nid = '{kind}'\nkind = '{kind}'\npath = '{kind}.csv'\ninvented = true\n{keys}\n"
    for kind, keys in {
        "neighbourhood_indicators": "generation = 'qpv-2015'\nreference_year = 2013",
        "practitioners": "year = 2020",
        "projects": "year = 2020",
    }.items()
)


@pytest.mark.no_cover
def test_in_a_build(sample_folder, tmp_path):
    """Projects of the invented France: at a structure that stands in a QPV, beside none, in a QPV named, nowhere."""
    ids = ("qpv-2015", "populations-2013", "npnru", "structures-2020")
    cards_text = selection.cards(sample_folder, lambda card: card["id"].startswith(ids))
    (tmp_path / "sources.toml").write_text(cards_text + CARDS, encoding="utf-8")
    (tmp_path / "neighbourhood_indicators.csv").write_text("CODGEO;TP60\nQP001901;40\n", encoding="utf-8")
    (tmp_path / "practitioners.csv").write_text("commune_code;n_gp\n35238;290\n", encoding="utf-8")
    head = "project_id;type;stage;qpv_code;lon;lat\n"
    (tmp_path / "projects.csv").write_text(head + "N;MSP;idea;;;\nF;MSP;funded;;2.0;44.9\n", encoding="utf-8")
    built = qpvhealth.build(tmp_path)
    positions = built["project_locations"].set_index(["project_id", "generation"])["position"]
    assert positions["N", "qpv-2015"] == "undetermined"
    assert positions["F", "qpv-2015"] == "elsewhere"
    assert len(built["neighbourhood_figures"]) == 1
    assert built["practitioners"]["n_gp"].tolist() == [290.0]
    assert set(built["programme_members"]["programme"]) == {"npnru"}
    assert len(built["yearly_counts"].query("level == 'country' and structure_type == 'all'")) > 0


def test_the_insee_files(real_data):
    folder = real_data / "indicators"
    held = [
        (folder / "insee-qpv-2015-REVN_2018.csv", "qpv-2015", 2013, 1345),
        (folder / "insee-qpv-2015-DEMO_2018.csv", "qpv-2015", 2013, 1345),
        (folder / "qpv-2024-indicators.csv", "qpv-2024", 2020, 1518),
    ]
    for path, generation, year, n in held:
        keys = {"generation": generation, "reference_year": year}
        staged = quarter_indicators.read(cards.Card("c", "neighbourhood_indicators", path, path.name, keys))
        assert staged.frame["qpv_code"].nunique() == n
        assert staged.frame["value"].notna().any()


LEVELS = (
    "indic_id;maille;{};metric_date;indic_value\nIND-311;NAT;FR;2022-06-30;2127\nIND-311;REG;REG-84;2022-06-30;300\n"
)
LEVELS += "IND-311;DEPT;DEPT-01;2022-06-30;30\nIND-311;département;2A;2022-06-30;3\nIND-311;EPCI;200;2022-06-30;3\n"


def test_a_series_of_several_levels(tmp_path):

    def read(text):
        made = card(tmp_path, "series", text, release="x")
        return series.read(dataclasses.replace(made, options=made.options | {"name": "baro"}))

    staged = read(LEVELS.format("zone_id").replace("EPCI", "nat"))
    levels = [["country", "FR"], ["region", "84"], ["department", "01"], ["department", "2A"], ["country", "FR"]]
    assert staged.frame[["level", "area_code"]].to_numpy().tolist() == levels
    other = read(LEVELS.format("zone_id")).tally
    assert (other.rows_out, other.out_of_scope) == (4, {"a level of another kind": 1})
    with pytest.raises(UsageError, match=r'maille has values that are not known: "quartier"'):
        read(LEVELS.format("zone_id").replace("EPCI", "quartier"))
    with pytest.raises(UsageError, match="name the column of their codes as area"):
        read(LEVELS.format("Autre"))


def test_a_target_is_no_value_of_a_series(tmp_path):
    text = "indic_id,maille,zone_id,metric_date,metric_type,indic_value\n"
    for kind, year, value in (("vi", 2017, 910), ("va", 2023, 2501), ("vc", 2026, 4000)):
        text += f"IND-311,NAT,FRANCE,{year}-12-31,{kind},{value}\n"
    made = card(tmp_path, "series", text, release="x")
    staged = series.read(dataclasses.replace(made, options=made.options | {"name": "baro"}))
    assert staged.frame["value"].tolist() == [2501]
    assert staged.tally.out_of_scope == {"value of type vi": 1, "value of type vc": 1}
    (sheet,) = inspection.inspect(made.path).sheets
    assert [fit["layout"] for fit in sheet["fits"]] == ["series-levels"]


def test_the_employment_rate_of_insee(real_data):
    path = real_data / "indicators/insee-qpv-IPRO_2022.csv"
    of_insee = cards.Card("c", "neighbourhood_indicators", path, path.name, FIGURES)
    rates = quarter_indicators.read(of_insee).frame.query("figure == 'employment_rate'")["value"]
    assert (rates.notna().sum(), round(rates.sum(), 1)) == (1309, 58877.0)
