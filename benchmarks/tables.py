"""Commands that show tables: against DuckDB printing the same rows of the same files, and against `counts`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import national
from measure import can_import, machine, ratio, rounds
from results import Section, Table, Target

YEARS, STRUCTURES = 10, 25_000
SHOWN = {
    "counts": ["counts"],
    "coverage": ["coverage"],
    "list": ["list", "counted", "--year", "2024", "--situation", "in_qpv"],
}
STUDIES = {
    "matrix": ["matrix"],
    "programmes": ["programmes"],
    "check --published": ["check", "--published"],
}
OF_DUCKDB, OF_COUNTS = 3.0, 2.0
QUERIES = {
    "counts": """
SELECT year, structure_type, sum(n_structures) FILTER (WHERE situation = 'in_qpv') AS in_qpv,
  sum(n_structures) FILTER (WHERE situation = 'vecu_declared') AS vecu,
  sum(n_structures) FILTER (WHERE situation = 'undetermined') AS unknown, sum(n_structures) FILTER (WHERE situation = 'all') AS n
FROM '{release}/yearly_counts.parquet'
WHERE generation = 'in_force' AND level = 'country' AND modality = 'all' GROUP BY ALL ORDER BY ALL
""",
    "coverage": """
SELECT year, indicator, scope, value, denominator, n_unknown FROM '{release}/indicators.parquet'
WHERE level = 'country' AND generation = 'in_force' AND indicator LIKE '%qpv%' ORDER BY ALL
""",
    "list": """
SELECT s.finess_et, name, structure_type, commune_code, l.qpv_code, distance_m
FROM '{release}/structures.parquet' s JOIN '{release}/structure_locations.parquet' l USING (finess_et, year)
WHERE year = 2024 AND generation = 'qpv-2024' AND situation = 'in_qpv' ORDER BY commune_code, finess_et
""",
}
PRINTED = """
import sys
import duckdb
duckdb.execute("SET threads = 2")
duckdb.sql(sys.argv[1]).show(max_rows=100_000)
"""


def section(data: Path, python: str, scratch: Path, repeat: int, order: int) -> Section:
    """Time commands on the invented France, and on a large release."""
    where, program = machine(python), str(Path(sys.executable).with_name("qpvhealth"))
    sample, large = scratch / "sample", scratch / "large"
    subprocess.run([program, "-q", "sample", str(sample)], check=True)
    national.write(data, large, YEARS, STRUCTURES)
    tables, targets, has_duckdb = [], [], can_import(python, "duckdb")
    for caption, raw in (("the invented France", sample), (f"{YEARS} years of {STRUCTURES:,} structures", large)):
        release = scratch / f"release-{raw.name}"
        build = [program, "-q", "build", "--raw", str(raw), "--out", str(release)]
        subprocess.run(build, check=True, capture_output=True)
        commands = {n: [program, *c, "--release", str(release)] for n, c in (SHOWN | STUDIES).items()}
        if has_duckdb:
            queries = {n: query.format(release=release / "current") for n, query in QUERIES.items()}
            commands |= {f"DuckDB, {n}": [python, "-c", PRINTED, query] for n, query in queries.items()}
        measures = rounds(commands, repeat, accepted=(0, 1))  # 1: figures that differ, of `check`
        rows = []
        for name, m in measures.items():
            peer = measures.get(f"DuckDB, {name}")
            of_peer = ratio(m, peer) if peer else float("nan")
            of_counts = ratio(m, measures["counts"])
            cells = [f"{m.wall:.2f}", f"{m.cpu:.2f}", f"{of_peer:.2f}" if peer else "", f"{of_counts:.2f}"]
            rows.append([name, str(m.runs), *cells, m.said])
            if peer:
                targets.append(Target(f"{name}, {caption}: processor, of DuckDB", of_peer, OF_DUCKDB))
            elif name in STUDIES:
                targets.append(Target(f"{name}, {caption}: processor, of counts", of_counts, OF_COUNTS))
        columns = ["command", "runs", "wall s", "processor s", "of DuckDB", "of counts", "not run"]
        tables.append(Table(caption, columns, rows))
    about = "Each run is a new process. DuckDB prints the rows that the table is made of, from the same Parquet files."
    return Section("tables", order, "Commands that show tables", about, where, tables, targets)
