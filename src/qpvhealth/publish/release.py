"""A release: checked tables written once, then read by everything that shows a number."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qpvhealth import __version__
from qpvhealth.contract.packed import PackedTables
from qpvhealth.errors import ContractError, UsageError
from qpvhealth.publish import manifest, parquet
from qpvhealth.publish.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from qpvhealth.contract.packed import Packed
    from qpvhealth.contract.schema import Published, Table
    from qpvhealth.publish.manifest import Facts

LIBRARIES = ("geopandas", "numpy", "pandas", "pyarrow", "pyogrio", "pyproj", "python-calamine", "shapely")
DEGREES = 4326


@dataclass(frozen=True)
class Release:
    """One release on the disk: its manifest, and its tables, each read when first asked for."""

    folder: Path
    manifest: Mapping[str, Any]
    _read: dict[tuple[Any, ...], pd.DataFrame] = field(default_factory=dict, repr=False, compare=False)

    @property
    def id(self) -> str:
        """The id derived from the content."""
        return str(self.manifest["release_id"])

    @property
    def invented(self) -> bool:
        """Whether the figures come from the invented France: every output then says so."""
        return bool(self.manifest["invented"])

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """The names of the tables, sorted."""
        return tuple(sorted(n.removesuffix(".parquet") for n in self.manifest["files"] if n.endswith(".parquet")))

    def table(self, name: str, *, columns: Sequence[str] | None = None, geometry: bool = True) -> pd.DataFrame:
        """Read one table (see ``parquet.read_table``). Raises UsageError for a table this release does not have."""
        if name not in self.tables:
            raise UsageError(f'{self.folder}: no table "{name}"; tables here: {", ".join(self.tables)}')
        asked = (name, None if columns is None else tuple(columns), geometry)
        if asked not in self._read:
            path = self.folder / f"{name}.parquet"
            self._read[asked] = parquet.read_table(path, columns=columns, geometry=geometry)
        return self._read[asked].copy(deep=False)

    def verify(self) -> list[str]:
        """Hash every file again; return each problem, nothing where there is none."""
        return manifest.verify(self.folder)


def open_release(store: Store | Path, release: str | None = None) -> Release:
    """Open a release of a store by its id, the beginning of its id, or its folder; default: the current one.

    ``store`` may also be the folder of a release itself.
    """
    if isinstance(store, Store) or release is not None or not (Path(store) / manifest.NAME).is_file():
        folder = _store(store).resolve(release)
    else:
        folder = Path(store)
    return Release(folder, manifest.read(folder))


def write(
    store: Store | Path,
    tables: Mapping[str, pd.DataFrame],
    declarations: Mapping[str, Table],
    facts: Facts,
) -> Path:
    """Hold every table against its declaration, write them and their manifest, make them current; return the folder.

    Nothing is written before all is checked. ``facts.versions`` defaults to the libraries that could change a byte.
    Raises ContractError with every problem of every table; PublishError where the disk or the lock refuses.
    """
    held = conformed(tables, declarations)
    known = facts if facts.versions else replace(facts, versions=library_versions())
    store = _store(store)
    with store.lock(), store.stage() as staged:
        told = manifest.build(known, _files(held, staged, known))
        manifest.write(staged, told)
        return store.publish(staged, told["release_id"])


def conformed(tables: Mapping[str, pd.DataFrame], declarations: Mapping[str, Table]) -> dict[str, Published]:
    """Put every table in its published form and hold it against its rules and references; raise all problems at once."""
    problems = list(_not_the_declared(tables, declarations))
    given = tables.packed if isinstance(tables, PackedTables) else tables
    held: dict[str, Published] = {}
    for name in [n for n in declarations if n in given]:
        try:
            _in_degrees(name, given[name])
            held[name] = declarations[name].conform(given[name])
        except ContractError as error:
            problems.append(str(error))
    for name, rows in held.items():
        try:
            declarations[name].check(rows, held)
        except ContractError as error:
            problems.append(str(error))
    if problems:
        raise ContractError("\n".join(problems))
    return held


def library_versions() -> dict[str, str]:
    """List the versions of the libraries that could change a byte of a release."""
    return dict(_versions())


def _versions() -> Iterator[tuple[str, str]]:
    for name in LIBRARIES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def _files(held: Mapping[str, Published], folder: Path, facts: Facts) -> dict[str, dict[str, Any]]:
    """Write every table, and describe the files."""
    metadata = {"qpvhealth_version": __version__, "invented": str(facts.invented).lower()}
    described = {}
    for name, rows in sorted(held.items()):
        path = folder / f"{name}.parquet"
        parquet.write_table(rows.table, rows, path, metadata)
        described[path.name] = manifest.described(path, len(rows))
    return described


def _not_the_declared(tables: Mapping[str, pd.DataFrame], declarations: Mapping[str, Table]) -> Iterator[str]:
    if missing := sorted(declarations.keys() - tables.keys()):
        yield f"release: tables missing: {', '.join(missing)}"
    if extra := sorted(tables.keys() - declarations.keys()):
        yield f"release: tables not declared: {', '.join(extra)}"


def _in_degrees(name: str, rows: pd.DataFrame | Packed) -> None:
    """Refuse a layer that says it is in another reference system than the one every release is in."""
    crs: Any = getattr(rows, "crs", None)
    if hasattr(crs, "to_epsg") and crs.to_epsg() != DEGREES:
        raise ContractError(f"{name}: geometry is in {crs.to_string()}, {parquet.CRS} expected")


def _store(store: Store | Path) -> Store:
    return store if isinstance(store, Store) else Store(store)
