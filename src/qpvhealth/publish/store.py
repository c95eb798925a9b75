"""The atomic store of releases: published or not, never half.

A release is written in a staging folder on the same file system, synced, renamed to ``releases/<id>``, and only then does
``current`` point to it, in one atomic step. Whatever fails before that step leaves the previous release current. Only the
standard library is imported: "is the current release up to date?" is answered without loading a frame library.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from qpvhealth.errors import ContractError, PublishError, UsageError, listed
from qpvhealth.publish import manifest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

CURRENT = "current"
LOCK = ".lock"
STAGING = ".staging-"
POINTER = ".current-"
NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


class Store:
    """The releases under one folder (``data/processed``), and which of them is current.

    One object serves one thread: ``lock`` may be taken again inside itself, so that a build holds it from its start.
    """

    def __init__(self, root: Path) -> None:
        """Name the folder; nothing is read or written yet."""
        self.root = Path(root)
        self.folder = self.root / manifest.RELEASES
        self._locked = False

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the store against other builds, and sweep what dead ones left. Raises PublishError at once if it is locked."""
        if self._locked:
            yield
            return
        path = self.root / LOCK
        with writing(path):
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            with writing(path):
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise PublishError(f"{self.root}: another build is running; try again when it has ended") from error
            self._locked = True
            for left in [*self.folder.glob(f"{STAGING}*"), *self.root.glob(f"{POINTER}*")]:
                _remove(left, ignore_errors=True)  # of builds that died: the lock says that no living one has it
            yield
        finally:
            self._locked = False
            os.close(handle)

    @contextmanager
    def stage(self) -> Iterator[Path]:
        """Give an empty folder to write a release in; what is still there at the end is removed.

        Any OSError raised inside becomes PublishError, naming the path and the cause.
        """
        with self.lock(), writing(self.folder), _staging(self.folder) as staged:
            yield staged

    def publish(self, staged: Path, release_id: str) -> Path:
        """Make a staged folder the current release ``releases/<release_id>`` and return its place.

        A release of the same id that holds the same bytes is kept; one that differs was made with other versions, or is damaged,
        since the id is derived from the content: it is replaced file by file, so that it is never absent while others read it.
        """
        target = self.folder / release_id
        with self.lock(), writing(target):
            for path in (*staged.iterdir(), staged):
                sync(path)
            if not target.is_dir():
                _remove(target)
                staged.rename(target)
            elif _digests(staged) != _digests(target):
                names = {path.name for path in staged.iterdir()}
                for old in target.iterdir():
                    if old.name not in names or not old.is_file():
                        _remove(old)
                for name in sorted(names):
                    (staged / name).replace(target / name)
                sync(target)
            shutil.rmtree(staged, ignore_errors=True)
            sync(self.folder)
            self._point(release_id)
        return target

    def current(self) -> Path | None:
        """Return the folder of the current release; None where there is none, or where it has vanished."""
        release_id = self._pointer()
        return self.folder / release_id if release_id in self.releases() else None

    def releases(self) -> list[str]:
        """List the ids, from the oldest to the newest; one that another process removes meanwhile is left out."""
        if not _exists(self.folder) or not self.folder.is_dir():
            return []
        written = []
        for folder in self.folder.iterdir():
            with suppress(FileNotFoundError):
                if folder.is_dir() and not folder.name.startswith("."):
                    written.append((folder.stat().st_mtime_ns, folder.name))
        return [name for _, name in sorted(written)]

    def resolve(self, release: str | None = None) -> Path:
        """Find a release by its id, the beginning of its id, or its folder (or a store's folder); default: current.

        Raises UsageError, with the ids there are, for what is unknown or could be two releases.
        """
        ids = self.releases()
        if release is None or release == CURRENT:
            if (current := self.current()) is not None:
                return current
            problem = "there is no current release"
        else:
            if release in ids:
                return self.folder / release
            if release and _exists(Path(release) / manifest.NAME):
                return Path(release)
            if release and _exists(Path(release) / manifest.RELEASES):
                return Store(Path(release)).resolve()
            matching = [i for i in ids if release and i.startswith(release)]
            if len(matching) == 1:
                return self.folder / matching[0]
            n = len(matching)
            problem = f'release "{release}" could be {n} releases' if n else f'unknown release "{release}"'
        there = f"releases here: {', '.join(ids)}" if ids else "no release here yet: run `qpvhealth build`"
        raise UsageError(f"{self.root}: {problem}; {there}")

    def rollback(self, release: str) -> Path:
        """Make an earlier release current again. Raises ContractError where its files are not what they were."""
        with self.lock():
            folder = self.resolve(release)
            if folder.parent != self.folder:
                raise UsageError(f"{folder}: not a release of {self.root}")
            if problems := manifest.verify(folder):
                raise ContractError(f"{folder}: damaged, so it is not made current\n{listed(problems)}")
            with writing(folder):
                self._point(folder.name)
        return folder

    def prune(self, keep: int, *, protect: Collection[str] = (), dry_run: bool = False) -> list[str]:
        """Remove all releases but the ``keep`` newest, the current one and the protected ones; return their ids.

        Each leaves the list in one step: a removal that is cut short leaves no half release.
        """
        if keep < 0:
            raise UsageError(f"cannot keep {keep} releases: 0 or more expected")
        if dry_run:
            return self._prunable(keep, protect)
        with self.lock(), writing(self.folder):
            gone = self._prunable(keep, protect)
            for release_id in gone:
                dying = self.folder / f"{STAGING}{os.getpid()}-{release_id}"
                (self.folder / release_id).rename(dying)
                shutil.rmtree(dying, ignore_errors=True)
        return gone

    def _prunable(self, keep: int, protect: Collection[str]) -> list[str]:
        ids = self.releases()
        staying = {*protect, *ids[len(ids) - keep :], self._pointer()}
        return [i for i in ids if i not in staying]

    def _pointer(self) -> str | None:
        """Read the id that ``current`` names; only the last part counts, so that it never leads out of the store.

        What is neither a link nor a regular file names nothing: a pipe would wait for ever.
        """
        path = self.root / CURRENT
        try:
            if not path.is_symlink() and not path.is_file():
                return None
            target = path.readlink() if path.is_symlink() else Path(path.read_text("utf-8").strip())
        except (OSError, UnicodeDecodeError):
            return None
        return target.name if target.name and not target.name.startswith(".") else None

    def _point(self, release_id: str) -> None:
        """Swap ``current`` in one step, and swap it back where the swap cannot be made durable."""
        before = self._pointer()
        self._swap(release_id)
        try:
            sync(self.root)
        except OSError:
            if before is None:
                (self.root / CURRENT).unlink()
            else:
                self._swap(before)
            raise

    def _swap(self, release_id: str) -> None:
        target, fresh = f"{manifest.RELEASES}/{release_id}", self.root / f"{POINTER}{secrets.token_hex(4)}"
        try:
            try:
                fresh.symlink_to(target)
            except OSError as error:
                if error.errno not in NO_LINKS:
                    raise
                _write_synced(fresh, f"{target}\n".encode())  # the file system has no links: a file of one line
            fresh.replace(self.root / CURRENT)
        except OSError:
            _remove(fresh, ignore_errors=True)
            raise


def is_current(root: Path, fingerprint: str) -> Path | None:
    """Return the current release if it was made from this fingerprint and its files are all there, else None.

    A file counts as there when it has its recorded size; ``manifest.verify`` also reads what is in it.
    """
    folder = Store(root).current()
    if folder is None:
        return None
    try:
        content = manifest.read(folder)
    except (UsageError, ContractError):
        return None
    is_same = content.get("fingerprint") == fingerprint and content["release_id"] == folder.name
    return folder if is_same and manifest.is_complete(folder, content) else None


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder that takes the name ``folder`` once all in it is written and synced: whole, or not at all.

    Raises UsageError where ``folder`` holds something; any OSError raised inside becomes PublishError.
    """
    with writing(folder):
        if folder.exists() and any(folder.iterdir()):
            raise UsageError(f"{folder}: not empty; name a folder that is new or empty")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _staging(folder.parent) as staged:
            yield staged
            for path in (*staged.iterdir(), staged):
                sync(path)
            staged.replace(folder)
            sync(folder.parent)


@contextmanager
def _staging(parent: Path) -> Iterator[Path]:
    """Give an empty folder of a new name, and remove what is still there at the end."""
    staged = parent / f"{STAGING}{os.getpid()}-{secrets.token_hex(4)}"
    staged.mkdir()
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn any OSError into PublishError (exit 4), naming the path and the cause; a name that is not in UTF-8 too."""
    if any("\ud800" <= c <= "\udfff" for c in str(path)):
        raise PublishError(f"{str(path)!r}: a name that is not in UTF-8; give another folder, or set a UTF-8 locale")
    try:
        yield
    except OSError as error:
        cause = error.strerror or str(error)
        where = error.filename if isinstance(error.filename, str) else path
        raise PublishError(
            f"{where}: cannot be written: {cause}; what was published before is unchanged. "
            "Mend the cause (space, permission), then run again"
        ) from error


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all: a temporary file beside it, synced, then renamed over it.

    What exists and is no regular file (a terminal, a pipe) is written to directly. Raises PublishError.
    """
    path, data = Path(path), content.encode() if isinstance(content, str) else content
    with writing(path):
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}")
        try:
            _write_synced(fresh, data)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _digests(folder: Path) -> dict[str, str | None]:
    """Hash each file of a folder; what is no regular file has none."""
    return {p.name: manifest.sha256(p) if p.is_file() else None for p in folder.iterdir()}


def _exists(path: Path) -> bool:
    """Say whether a path that a user wrote exists; one that the system refuses (too long, not permitted) does not."""
    try:
        return path.exists()
    except OSError:
        return False


def _remove(path: Path, *, ignore_errors: bool = False) -> None:
    """Remove a file, link or folder, if it is there."""
    with suppress(OSError) if ignore_errors else nullcontext():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=ignore_errors)
        else:
            path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until the disk holds a file, or the names in a folder; some network file systems cannot sync a folder, and say EINVAL."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL or not path.is_dir():
            raise
    finally:
        os.close(handle)
