from __future__ import annotations

import errno
import fcntl
import io
import itertools
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from qpvhealth.errors import ContractError, PublishError, UsageError
from qpvhealth.publish import manifest, store
from qpvhealth.publish.manifest import Facts
from qpvhealth.publish.release import open_release
from qpvhealth.publish.store import Store, is_current, write_file

WRITES = [(os, "replace"), (os, "rename"), (os, "fsync"), (os, "mkdir"), (os, "symlink"), (os, "open"), (io, "open")]


def publish(root, text):
    store = Store(root)
    with store.lock(), store.stage() as staged:
        (staged / "a.txt").write_bytes(text.encode() * 1000)
        (staged / "b.txt").write_bytes(b"same")
        files = {name: manifest.described(staged / name, 1) for name in ("a.txt", "b.txt")}
        content = manifest.build(Facts(text, invented=True), files)
        manifest.write(staged, content)
        return store.publish(staged, content["release_id"])


def publish_killed(root, text, n, when):
    """Publish in a copy of this process, which the n-th call that touches the disk kills, before or after it is done."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    steps = itertools.count(1)  # one step a number, whichever thread takes it

    def deadly(real):
        def call(*args, **kwargs):
            step = next(steps)
            if step == n and when == "before":
                os._exit(9)
            try:
                return real(*args, **kwargs)
            finally:
                if step == n:
                    os._exit(9)

        return call

    for module, name in [*WRITES, (os, "rmdir"), (os, "unlink")]:
        if (module, name) != (os, "open"):
            setattr(module, name, deadly(getattr(module, name)))
    try:
        publish(root, text)
    except BaseException:  # noqa: BLE001 -- as an interpreter would end
        os._exit(1)
    os._exit(0)


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data" / "processed"


def left_over(root):
    return [
        p.name for p in [*root.iterdir(), *(root / "releases").iterdir()] if p.name.startswith((".staging", ".cur"))
    ]


@contextmanager
def suppress_failure():
    """Collect the failure to publish, if there is one; an OSError is not one."""
    failures = []
    try:
        yield failures
    except PublishError as error:
        failures.append(error)


def publish_in_turn(root, *texts):
    """Publish several releases, a second apart by the clock of the file system."""
    folders = [publish(root, text) for text in texts]
    for second, folder in enumerate(folders):
        os.utime(folder, (second, second))
    return folders


def fail_at(monkeypatch, n, error, functions=WRITES):
    """Make the n-th call of any of these functions fail; return how many calls there were."""
    calls, steps = [0], itertools.count(1)

    def failing(real):
        def call(*args, **kwargs):
            step = next(steps)
            calls[0] = max(calls[0], step)
            if step == n:
                raise error
            return real(*args, **kwargs)

        return call

    for module, name in functions:
        monkeypatch.setattr(module, name, failing(getattr(module, name)))
    return calls


def test_a_first_release_becomes_current(root):
    folder = publish(root, "one")
    assert Store(root).current() == folder == root / "releases" / manifest.read(folder)["release_id"]
    assert (root / "current").is_symlink()
    assert (root / "current").readlink().as_posix() == f"releases/{folder.name}"
    assert manifest.verify(folder) == []
    assert left_over(root) == []


def test_a_release_can_be_read_by_others(root):
    old = os.umask(0o022)
    try:
        folder = publish(root, "one")
    finally:
        os.umask(old)
    assert folder.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("before", [None, "one"])
def test_whatever_write_fails_the_previous_release_stays_current(root, before, code):
    previous = publish(root, before) if before else None
    for n in itertools.count(1):
        with pytest.MonkeyPatch.context() as patch:
            calls = fail_at(patch, n, OSError(code, os.strerror(code)))
            with suppress_failure() as failures:
                previous = publish(root, f"two {n}")
        assert all(f.exit_code == 4 and os.strerror(code) in str(f) for f in failures)
        if calls[0] < n:
            break
        assert Store(root).current() == previous
        assert previous is None or manifest.verify(previous) == []
        assert list(root.glob("releases/.staging-*")) == []
    assert n > 12
    assert manifest.verify(publish(root, "three")) == []
    assert left_over(root) == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_build_killed_anywhere_leaves_a_whole_release_current(root, when):
    whole = {publish(root, "two").name: "two", publish(root, "one").name: "one"}
    seen = set()
    for n in itertools.count(1):
        publish(root, "one")
        if n % 2:  # a new release every other time; else the same bytes are there already
            store._remove(root / "releases" / next(i for i, text in whole.items() if text == "two"))
        code = publish_killed(root, "two", n, when)
        current = Store(root).current()
        seen.add(whole[current.name])
        assert manifest.verify(current) == []
        if code == 0:
            break
        assert code == 9
    assert n > 12
    assert seen == {"one", "two"}
    publish(root, "two")
    assert left_over(root) == []


def test_a_full_disk_while_a_table_is_written(root, country, monkeypatch):
    previous = country.publish(root)
    full = OSError(errno.ENOSPC, "No space left on device")
    for n in (1, 2):
        with monkeypatch.context() as patch:
            fail_at(patch, n, full, [(pq, "write_table")])
            with pytest.raises(PublishError, match=r"No space left on device.*unchanged"):
                country.publish(root, "two")
        assert Store(root).current() == previous
        assert left_over(root) == []


def test_a_bug_while_staging_is_not_called_a_full_disk(root):
    with pytest.raises(ZeroDivisionError), Store(root).stage():
        _ = 1 // 0
    assert left_over(root) == []


def test_a_second_build_is_refused_at_once(root):
    with Store(root).lock():
        start = time.monotonic()
        with pytest.raises(PublishError, match="another build is running"), Store(root).lock():
            pytest.fail("two builds held the lock")
        assert time.monotonic() - start < 20  # at once, on a machine however loaded
    with Store(root).lock():
        pass


def test_another_process_is_refused_too_and_the_lock_dies_with_its_holder(root):
    code = "import sys\nfrom qpvhealth.publish.store import Store\nwith Store(sys.argv[1]).lock():\n print(1, flush=True)\n sys.stdin.read()"
    holder = subprocess.Popen([sys.executable, "-c", code, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"1\n"
        with pytest.raises(PublishError, match="another build is running"):
            publish(root, "one")
    finally:
        holder.kill()
        holder.communicate()
    assert Store(root).current() is None
    publish(root, "one")


def test_the_lock_may_be_taken_again_by_its_holder(root):
    held = Store(root)
    with held.lock():
        with held.lock(), held.stage() as staged:
            assert staged.is_dir()
        with pytest.raises(PublishError), Store(root).lock():
            pass


def test_the_same_release_again_is_kept(root):
    first = publish(root, "one")
    before = (first / "a.txt").stat().st_ino
    publish(root, "two")
    assert publish(root, "one") == first
    assert (first / "a.txt").stat().st_ino == before
    assert Store(root).current() == first


def spoil_extra(folder):
    (folder / "c.txt").write_text("extra")
    (folder / "d").mkdir()


def spoil_kind(folder):
    (folder / "a.txt").unlink()
    (folder / "a.txt").mkdir()


SPOILS = {
    "content": lambda folder: (folder / "a.txt").write_text("spoiled"),
    "missing": lambda folder: (folder / "b.txt").unlink(),
    "manifest": lambda folder: (folder / manifest.NAME).write_text("{}"),
    "kind": spoil_kind,
    "extra": spoil_extra,
}


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_damaged_release_is_not_up_to_date_and_is_mended_by_building_it_again(root, spoil):
    assert is_current(root, "one") is None
    folder = publish(root, "one")
    assert is_current(root, "one") == folder
    assert is_current(root, "two") is None
    SPOILS[spoil](folder)
    assert manifest.verify(folder) != []
    assert is_current(root, "one") == (folder if spoil == "extra" else None)
    assert publish(root, "one") == folder
    assert manifest.verify(folder) == []


def test_a_file_in_the_place_of_a_release_gives_way(root):
    folder = publish(root, "one")
    store._remove(folder)
    folder.write_text("in the way")
    assert publish(root, "one").is_dir()


@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOTSUP])
def test_where_links_are_impossible_current_is_a_file_of_one_line(root, monkeypatch, code):
    def no_links(*_args, **_kwargs):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "symlink", no_links)
    for text in ("one", "two"):
        folder = publish(root, text)
        assert (root / "current").read_text() == f"releases/{folder.name}\n"
        assert Store(root).current() == folder


@pytest.mark.parametrize(
    "target",
    ["../../elsewhere", "..", "", "releases/absent", "/", "\xff", "releases/" + "a" * 5_000, "releases/\0"],
    ids=range(8),
)
def test_current_never_leads_out_of_the_store(root, target):
    publish(root, "one")
    (root.parent.parent / "elsewhere").mkdir()
    (root / "current").unlink()
    (root / "current").write_bytes(target.encode("latin-1"))
    assert Store(root).current() is None
    (root / "current").unlink()
    if target and target.isprintable() and len(target) < 1_000:
        (root / "current").symlink_to(target)
        assert Store(root).current() is None


def test_releases_are_found_by_id_prefix_and_folder(root, tmp_path, monkeypatch):
    one, two = publish_in_turn(root, "one", "two")
    found = Store(root)
    assert found.releases() == [one.name, two.name]
    assert found.resolve() == found.resolve("current") == two
    assert found.resolve(one.name) == found.resolve(one.name[:6]) == one
    assert found.resolve(str(one)) == one
    assert Store(tmp_path / "empty").resolve(str(root)) == two
    monkeypatch.chdir(one)
    assert found.resolve(".").resolve() == one.resolve()


@pytest.mark.parametrize("unknown", ["nothing", "", "x" * 5000, "a\0b", "/"])
def test_an_unknown_release_is_refused_with_the_ids_there_are(root, unknown):
    one = publish(root, "one")
    with pytest.raises(UsageError, match=f"unknown release.*releases here: {one.name}"):
        Store(root).resolve(unknown)


def test_a_prefix_of_two_releases_is_refused(root):
    for name in ("ab1", "ab2"):
        (root / "releases" / name).mkdir(parents=True)
    with pytest.raises(UsageError, match="could be 2 releases"):
        Store(root).resolve("ab")


def test_an_empty_store_says_what_to_do(root):
    with pytest.raises(UsageError, match="no release here yet: run `qpvhealth build`"):
        Store(root).resolve()
    assert Store(root).releases() == []
    assert Store(root).prune(0, dry_run=True) == []


def test_rollback_makes_an_earlier_release_current(root):
    one, two = publish(root, "one"), publish(root, "two")
    assert Store(root).rollback(one.name[:8]) == one
    assert Store(root).current() == one
    SPOILS["content"](two)
    with pytest.raises(ContractError, match=r"not made current\na\.txt: changed"):
        Store(root).rollback(two.name)
    assert Store(root).current() == one


def test_two_exchanged_releases_are_refused(root):
    one, two = publish(root, "one"), publish(root, "two")
    aside = two.rename(root / "aside")
    one.rename(two)
    aside.rename(one)
    for folder, inside in ((one, two), (two, one)):
        assert f"this is release {inside.name}, in the folder of {folder.name}" in manifest.verify(folder)[0]
        with pytest.raises(ContractError, match=f"not made current\nmanifest.json: this is release {inside.name}"):
            Store(root).rollback(folder.name)
        with pytest.raises(ContractError, match=f"this is release {inside.name}"):
            open_release(root, folder.name)
    assert is_current(root, "two") is None
    assert manifest.verify(publish(root, "two")) == []  # a build mends its own


def test_a_release_removed_while_they_are_listed_is_left_out(root, monkeypatch):
    names = [folder.name for folder in publish_in_turn(root, "one", "two", "three")]
    is_dir = Path.is_dir

    def pruned(path):
        there = is_dir(path)
        if path.name in names[:2]:
            path.rename(path.with_name(f".staging-{path.name}"))
        return there

    monkeypatch.setattr(Path, "is_dir", pruned)
    assert Store(root).releases() == names[2:]


def test_rollback_refuses_a_folder_that_is_elsewhere(root, tmp_path):
    publish(root, "one")
    other = publish(tmp_path / "other", "two")
    with pytest.raises(UsageError, match="not a release of"):
        Store(root).rollback(str(other))


def test_rollback_that_cannot_be_written_changes_nothing(root, monkeypatch):
    one, two = publish(root, "one"), publish(root, "two")
    fail_at(monkeypatch, 1, OSError(errno.EROFS, "Read-only file system"), [(os, "replace")])
    with pytest.raises(PublishError, match="Read-only"):
        Store(root).rollback(one.name)
    assert Store(root).current() == two


def test_prune_keeps_the_newest_the_current_and_the_protected(root):
    names = [folder.name for folder in publish_in_turn(root, "one", "two", "three", "four", "five")]
    held = Store(root)
    held.rollback(names[0])
    assert held.prune(1, protect=[names[1]], dry_run=True) == names[2:4]
    assert held.releases() == names
    assert held.prune(1, protect=[names[1]]) == names[2:4]
    assert held.releases() == [names[0], names[1], names[4]]
    assert held.prune(10) == []
    assert held.prune(0) == [names[1], names[4]]
    assert held.releases() == names[:1]
    assert left_over(root) == []
    with pytest.raises(UsageError, match="cannot keep -1"):
        held.prune(-1)


def test_a_release_under_another_id_is_not_up_to_date(root):
    folder = publish(root, "one")
    folder.rename(folder.with_name("0" * 16))
    (root / "current").unlink()
    (root / "current").symlink_to("releases/" + "0" * 16)
    assert is_current(root, "one") is None


def test_the_up_to_date_check_loads_no_frame_library(root):
    publish(root, "one")
    code = (
        "import sys\nfrom qpvhealth.publish.store import is_current\n"
        "assert is_current(sys.argv[1], 'one')\n"
        "print([m for m in ('pandas', 'numpy', 'pyarrow', 'shapely') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code, root], capture_output=True, check=True)
    assert ran.stdout == b"[]\n"


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "list.csv"
    write_file(path, "été\n")
    assert path.read_bytes() == "été\n".encode()
    text = "été\n"
    for n in itertools.count(1):
        with pytest.MonkeyPatch.context() as patch:
            calls = fail_at(patch, n, OSError(errno.ENOSPC, "No space left on device"))
            with suppress_failure() as failures:
                write_file(path, f"text {n}")
                text = f"text {n}"
        assert all("No space left on device" in str(f) for f in failures)
        assert path.read_text() == text
        assert list(path.parent.iterdir()) == [path]
        if calls[0] < n:
            break
    assert n > 3


def test_a_pipe_or_a_terminal_is_written_to_and_not_replaced(tmp_path):
    write_file("/dev/null", "anything")
    assert not Path("/dev/null").is_file()
    with pytest.raises(PublishError, match="Is a directory"):
        write_file(tmp_path, "anything")


def refuse_sync(monkeypatch, refuses, code):
    """Make the disk refuse to sync some paths."""
    real = os.fsync

    def fsync(handle):
        if refuses(Path(f"/proc/self/fd/{handle}").readlink()):
            raise OSError(code, os.strerror(code))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)


def test_a_folder_that_cannot_be_synced_is_no_failure_and_a_file_is(root, monkeypatch):
    with monkeypatch.context() as patch:
        refuse_sync(patch, Path.is_dir, errno.EINVAL)
        assert manifest.verify(publish(root, "one")) == []
    refuse_sync(monkeypatch, Path.is_file, errno.EINVAL)
    with pytest.raises(PublishError, match="Invalid argument"):
        publish(root, "two")


def test_facts_that_are_the_same_give_the_same_id(root, tmp_path):
    assert publish(root, "one").name == publish(tmp_path / "other", "one").name
    assert manifest.build(Facts("a", invented=True), {}) != manifest.build(Facts("a", invented=False), {})


def test_a_disk_without_locks_is_said_so(root, monkeypatch):
    def no_locks(*_args):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(PublishError, match="No locks available"):
        publish(root, "one")


def test_a_first_release_that_cannot_be_made_durable_is_not_current(root, monkeypatch):
    refuse_sync(monkeypatch, root.__eq__, errno.EIO)
    with pytest.raises(PublishError, match="Input/output error"):
        publish(root, "one")
    assert not os.path.lexists(root / "current")


def test_what_cannot_be_swept_does_not_stop_a_build(root, monkeypatch):
    publish(root, "one")
    (root / ".current-dead").touch()
    real = os.unlink

    def unlink(path, *args, **kwargs):
        if Path(path).name == ".current-dead":
            raise OSError(errno.EACCES, "Permission denied")
        real(path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", unlink)
        assert publish(root, "two").is_dir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "unlink", unlink)
        with pytest.raises(PermissionError):
            store._remove(root / ".current-dead")


def test_everything_is_on_the_disk_before_it_is_shown(root, monkeypatch):
    seen = []

    def record(name, word):
        real = getattr(os, name)

        def call(first, *rest):
            seen.append(word or Path(f"/proc/self/fd/{first}").readlink().name)
            real(first, *rest)

        monkeypatch.setattr(os, name, call)

    for name, word in {"fsync": None, "rename": "renamed", "replace": "shown"}.items():
        record(name, word)
    publish(root, "one")
    assert sorted(seen[:3]) == ["a.txt", "b.txt", "manifest.json"]
    assert seen[3].startswith(".staging-")
    assert seen[4:] == ["renamed", "releases", "shown", "processed"]


def test_a_name_that_is_not_in_utf8_is_refused(tmp_path):
    with pytest.raises(PublishError, match="not in UTF-8"), Store(tmp_path / "\udce9").lock():
        pytest.fail("locked")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_whose_name_is_too_long_has_no_release(tmp_path):
    store = Store(tmp_path / ("d" * 300))
    assert store.releases() == []
    assert store.current() is None
    with pytest.raises(PublishError, match="too long"), store.lock():
        pass


def test_a_pipe_in_the_place_of_the_link_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "current")
    assert Store(tmp_path).current() is None
