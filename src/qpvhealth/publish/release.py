"""A release: checked tables written once, then read by everything that shows a number."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qpvhealth import __version__
from qpvhealth.errors import ContractError, UsageError
from qpvhealth.publish import manifest, parquet
from qpvhealth.publish.store import Store, new_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from qpvhealth.contract.schema import Table
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
        """Read one table (see ``parquet.read_table``), whose bytes are those that the manifest lists.

        Raises UsageError for a table this release does not have, ContractError for one that changed since it was published.
        """
        if name not in self.tables:
            raise UsageError(f'{self.folder}: no table "{name}"; tables here: {", ".join(self.tables)}')
        key = (name, None if columns is None else tuple(columns), geometry)
        if key not in self._read:
            path = self.folder / f"{name}.parquet"
            is_first = not any(table == name for table, *_ in self._read)
            if is_first and (what := manifest.changed(path, self.manifest["files"][path.name])):
                raise ContractError(f"{path}: {what}; see `qpvhealth verify`")
            self._read[key] = parquet.read_table(path, columns=columns, geometry=geometry)
        return self._read[key].copy(deep=False)

    def verify(self) -> list[str]:
        """Hash every file again; return each problem, nothing where there is none."""
        return manifest.verify(self.folder)


def open_release(store: Store | Path, release: str | None = None) -> Release:
    """Open a release of a store by its id, the beginning of its id, or its folder; default: the current one.

    ``store`` may also be the folder of a release itself.
    """
    if isinstance(store, Store) or release is not None or not (Path(store) / manifest.NAME).is_file():
        folder = (store if isinstance(store, Store) else Store(store)).resolve(release)
    else:
        folder = Path(store)
    return Release(folder, manifest.read(folder))


def write(
    store: Store | Path,
    tables: Mapping[str, pd.DataFrame],
    declarations: Mapping[str, Table],
    facts: Facts,
) -> Path:
    """Check every table against its declaration, write them and their manifest, make them current; return the folder.

    Nothing is written before all is checked. ``facts.versions`` defaults to the libraries that could change a byte.
    Raises ContractError with every problem of every table; PublishError where the disk or the lock refuses.
    """
    conforming = conformed(tables, declarations)
    facts = facts if facts.versions else replace(facts, versions=library_versions())
    store = store if isinstance(store, Store) else Store(store)
    with store.lock(), store.stage() as staged:
        content = manifest.build(facts, _files(conforming, declarations, staged, invented=facts.invented))
        manifest.write(staged, content)
        return store.publish(staged, content["release_id"])


def write_tables(
    folder: Path, tables: Mapping[str, pd.DataFrame], declarations: Mapping[str, Table], *, invented: bool
) -> None:
    """Check tables against their declarations and write them into a folder, new or empty: all of them, or nothing.

    References to tables that are not among them are not checked. Raises ContractError with every problem, UsageError for a folder
    that holds something, PublishError where the disk refuses.
    """
    checked = conformed(tables, declarations)
    with new_folder(folder) as staged:
        _files(checked, declarations, staged, invented=invented)


def conformed(tables: Mapping[str, pd.DataFrame], declarations: Mapping[str, Table]) -> dict[str, pd.DataFrame]:
    """Put every table in its published form and check its rules and references; raise all problems at once."""
    problems = []
    if missing := sorted(declarations.keys() - tables.keys()):
        problems.append(f"release: tables missing: {', '.join(missing)}")
    if extra := sorted(tables.keys() - declarations.keys()):
        problems.append(f"release: tables not declared: {', '.join(extra)}")
    conforming: dict[str, pd.DataFrame] = {}
    for name in [n for n in declarations if n in tables]:
        crs: Any = getattr(tables[name], "crs", None)
        if hasattr(crs, "to_epsg") and crs.to_epsg() != DEGREES:
            problems.append(f"{name}: geometry is in {crs.to_string()}, {parquet.CRS} expected")
            continue
        try:
            conforming[name] = declarations[name].conform(tables[name])
        except ContractError as error:
            problems.append(str(error))
    for name, rows in conforming.items():
        try:
            declarations[name].check(rows, conforming)
        except ContractError as error:
            problems.append(str(error))
    if problems:
        raise ContractError("\n".join(problems))
    return conforming


def library_versions() -> dict[str, str]:
    """List the versions of the libraries that could change a byte of a release."""
    versions = {}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions


def _files(
    tables: Mapping[str, pd.DataFrame], declarations: Mapping[str, Table], folder: Path, *, invented: bool
) -> dict[str, dict[str, Any]]:
    """Write every table, and describe the files."""
    metadata = {"qpvhealth_version": __version__, "invented": str(invented).lower()}
    described = {}
    for name, rows in sorted(tables.items()):
        path = folder / f"{name}.parquet"
        parquet.write_table(declarations[name], rows, path, metadata)
        described[path.name] = manifest.described(path, len(rows))
    return described
