"""Downloads of what the cards name, and only when asked: nothing else in a build reaches a network.

HTTPS unless told otherwise, public addresses only unless told otherwise (each redirection is held against the same rules, and
the connection goes to the very address that was checked), bounded in size and time, resumed where it stopped, and held against
the card's sha256 and the kind that the file's name says. A file that is already there is never replaced by other bytes. Proxies
and their variables are not used. Standard library only.
"""

from __future__ import annotations

import fcntl
import http.client
import ipaddress
import json
import os
import re
import socket
import ssl
import threading
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit

from qpvhealth import __version__
from qpvhealth.errors import InputError, PublishError, QpvhealthError, UsageError
from qpvhealth.ingest.guard import MIB, checked_path, sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from qpvhealth.ingest.card import Card

MAX_BYTES = 1024 * MIB
SECONDS = 600.0
STALLED_SECONDS = 30.0
MAX_REDIRECTS = 5
CHUNK = 256 * 1024
PORTS = {"https": 443, "http": 80}
FETCHED, RESUMED, THERE, NO_URL = "fetched", "resumed", "already there", "no url"
_MOVED = (301, 302, 303, 307, 308)
_OK, _PARTIAL, _BEYOND = 200, 206, 416
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class Limits:
    """What a download may do. ``insecure`` allows plain HTTP, ``private`` addresses that are not public (a local server)."""

    insecure: bool = False
    private: bool = False
    max_bytes: int = MAX_BYTES
    seconds: float = SECONDS


@dataclass(frozen=True)
class Fetched:
    """What became of one card: ``outcome`` is fetched, resumed, already there, or no url (then there may be no file)."""

    card_id: str
    path: Path
    outcome: str
    sha256: str | None = None
    n_bytes: int = 0


def fetch_all(cards: Sequence[Card], limits: Limits | None = None) -> list[Fetched]:
    """Fetch the file of every card that names an address; every card is tried, then all problems are raised at once.

    Raises the first problem's kind: InputError (refused, unreachable, changed), UsageError (address), PublishError (disk).
    """
    done, problems = [], []
    for card in cards:
        try:
            done.append(fetch(card, limits))
        except QpvhealthError as error:
            problems.append((type(error), f"card {card.id}: {error}"))
    if problems:
        raise problems[0][0]("\n".join(said for _, said in problems))
    return done


def fetch(card: Card, limits: Limits | None = None) -> Fetched:
    """Download the file that a card's ``url`` names to the card's path.

    A file that is there with the bytes that the card states is kept without any request. Where the card states no sha256, the
    download is compared with it. Raises InputError where the bytes differ from the file that is there or from the card, are not
    of the kind that the name says, or cannot be had within the limits; UsageError for an address that is none or not allowed;
    PublishError where the disk refuses.
    """
    allowed, path, stated = limits or Limits(), card.path, _stated(card)
    if (url := card.get("url")) is None:
        return Fetched(card.id, path, NO_URL)
    if path.exists():
        there = sha256_of(path)
        if stated not in (None, there):
            raise InputError(
                f"{path}: is there with other bytes than the card states (sha256 {there}); move it away first"
            )
        if stated is not None:
            return Fetched(card.id, path, THERE, there, path.stat().st_size)
    with _disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        return _downloaded(card, str(url), stated, allowed)


def _stated(card: Card) -> str | None:
    stated = card.get("sha256")
    return None if stated is None else str(stated).lower()


def _downloaded(card: Card, url: str, stated: str | None, limits: Limits) -> Fetched:
    """Fill the partial file beside the path, hold it against every rule, then give it its name."""
    path = card.path
    part = path.with_name(f".{path.stem[:100]}.part{path.suffix}")
    with _locked(part) as file:
        had = _had(part, file, url, stated)
        resumed = _filled(file, url, had, _note(part), limits)
        os.fsync(file.fileno())
        digest = _accepted(part, path, stated)
        if path.exists():
            outcome = THERE
        else:
            outcome = RESUMED if resumed else FETCHED
            _named(part, path)
    _forget(part)
    return Fetched(card.id, path, outcome, digest, path.stat().st_size)


def _accepted(part: Path, path: Path, stated: str | None) -> str:
    """Return the hash of a complete download once it is held against every rule; one that fails is removed."""
    try:
        return _held(part, path, stated)
    except InputError:
        _forget(part)
        raise


def _held(part: Path, path: Path, stated: str | None) -> str:
    """Hold a download against its name, the card, and the file that is there."""
    digest = sha256_of(checked_path(part))
    if stated not in (None, digest):
        raise InputError(f"{path}: what was sent is not what the card states (sha256 {digest}, the card says {stated})")
    if path.exists() and sha256_of(path) != digest:
        raise InputError(
            f"{path}: the address now gives other bytes (sha256 {digest}) than the file that is there, which was kept; "
            "move it away to take the new one"
        )
    return digest


def _named(part: Path, path: Path) -> None:
    """Give a finished download its name, never over another file; where the file system has no hard links, by renaming."""
    try:
        os.link(part, path)
    except FileExistsError as error:
        raise InputError(f"{path}: appeared while it was being fetched; it was kept") from error
    except OSError:
        part.rename(path)


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    """Tell what the disk refuses from what the network does, which is said where it happens."""
    try:
        yield
    except OSError as error:
        raise PublishError(f"{error.filename or path}: cannot be written: {error.strerror or error}") from error


@contextmanager
def _locked(part: Path) -> Iterator[IO[bytes]]:
    """Open the partial file for this process alone."""
    handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    with os.fdopen(handle, "r+b", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PublishError(f"{part}: another fetch is under way; try again when it has ended") from error
        yield file


def _note(part: Path) -> Path:
    """Name the file that remembers what a partial download is a part of."""
    return part.with_name(f"{part.name}.json")


def _had(part: Path, file: IO[bytes], url: str, stated: str | None) -> dict[str, Any]:
    """Return what is known of the bytes that are there already; nothing where they may be of something else."""
    size = os.fstat(file.fileno()).st_size
    try:
        told = json.loads(_note(part).read_bytes())
        same = told["url"] == url and told["sha256"] == stated and isinstance(told["validator"], str | None)
    except (OSError, ValueError, KeyError, TypeError):
        same = False
    if not (same and size and (told["validator"] or stated)):
        return {"url": url, "sha256": stated, "validator": None, "size": 0}
    return {"url": url, "sha256": stated, "validator": told["validator"], "size": size}


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _filled(file: IO[bytes], url: str, had: dict[str, Any], note: Path, limits: Limits) -> bool:
    """Ask for the address, following a few redirections, and write what comes; say whether it went on from before."""
    ends = time.monotonic() + limits.seconds
    headers = _headers(had)
    for _ in range(MAX_REDIRECTS + 1):
        place = _allowed(url, limits)
        with _asked(place, headers, ends) as answer:
            if answer.status in _MOVED and (moved := answer.getheader("Location")):
                url = urljoin(url, moved)
                continue
            if answer.status == _BEYOND and "Range" in headers:
                headers = _headers({"size": 0})
                continue
            return _received(answer, file, had, note, (url, ends, limits.max_bytes))
    raise InputError(f"{url}: more than {MAX_REDIRECTS} redirections; give the final address")


def _headers(had: dict[str, Any]) -> dict[str, str]:
    plain = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": f"qpvhealth/{__version__}"}
    if not had["size"]:
        return plain
    unchanged = {"If-Range": had["validator"]} if had["validator"] else {}
    return plain | {"Range": f"bytes={had['size']}-"} | unchanged


def _received(
    answer: http.client.HTTPResponse, file: IO[bytes], had: dict[str, Any], note: Path, bound: tuple[str, float, int]
) -> bool:
    """Write the body of an answer within its bounds."""
    url, ends, most = bound
    start = _start(answer, had, url)
    length = answer.getheader("Content-Length")
    total = start + int(length) if length and length.isdigit() else None
    if (total or 0) > most:
        raise InputError(f"{url}: {total} bytes, at most {most} are fetched")
    if answer.getheader("Content-Encoding", "identity") != "identity":
        raise InputError(f"{url}: sent compressed though it was asked for as it is")
    note.write_text(
        json.dumps(had | {"validator": _validator(answer) or (had["validator"] if start else None)}), encoding="utf-8"
    )
    file.truncate(start)
    file.seek(start)
    size = start
    for chunk in _chunks(answer, url, ends):
        size += len(chunk)
        if size > most:
            file.truncate(0)
            raise InputError(f"{url}: more than {most} bytes, which is what is fetched at most")
        _write(file, chunk)
    if total is not None and size != total:
        raise InputError(f"{url}: cut after {size} of {total} bytes; run again to go on from there")
    return start > 0


def _write(file: IO[bytes], chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        left = left[file.write(left) :]


def _start(answer: http.client.HTTPResponse, had: dict[str, Any], url: str) -> int:
    """Say at which byte the body starts."""
    if answer.status == _OK:
        return 0
    if answer.status != _PARTIAL or not had["size"]:
        raise InputError(f"{url}: answers {answer.status} {answer.reason[:100]!r}; check the address")
    found = re.fullmatch(r"bytes (\d+)-\d+/(?:\d+|\*)", answer.getheader("Content-Range", ""))
    if found is None or int(found[1]) != had["size"]:
        raise InputError(f"{url}: sent another part than the one asked for; remove the partial file and run again")
    return int(found[1])


def _validator(answer: http.client.HTTPResponse) -> str | None:
    """Return what tells one version of a file from the next: a strong ETag; a date is too coarse to go on from."""
    tag = answer.getheader("ETag")
    return tag if tag and not tag.startswith("W/") else None


def _chunks(answer: http.client.HTTPResponse, url: str, ends: float) -> Iterator[bytes]:
    while True:
        try:
            chunk = answer.read1(CHUNK)
        except (OSError, http.client.HTTPException, ValueError) as error:
            late = "not received in time" if time.monotonic() >= ends else f"broke off ({type(error).__name__})"
            raise InputError(f"{url}: {late}; run again to go on from there") from error
        if time.monotonic() >= ends:
            raise InputError(f"{url}: not received in time; run again to go on from there")
        if not chunk:
            return
        yield chunk


@dataclass(frozen=True)
class _Place:
    """An address that may be asked: its parts, and the checked IP address to connect to."""

    parts: SplitResult
    host: str
    port: int
    address: str

    @property
    def target(self) -> str:
        """The path and query of the request."""
        return (self.parts.path or "/") + (f"?{self.parts.query}" if self.parts.query else "")


def _allowed(url: str, limits: Limits) -> _Place:
    """Hold an address against the rules. Raises UsageError for one that is none or not allowed, InputError for its host."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{url!r}: not an address ({error}); correct url in the card") from error
    if parts.scheme not in PORTS or (parts.scheme == "http" and not limits.insecure):
        raise UsageError(f"{url!r}: only https is fetched (http when asked for); correct url in the card")
    if re.search(r"[\x00-\x20\x7f]", url) or not url.isascii() or not parts.hostname or port == 0:
        raise UsageError(f"{url!r}: not an address; correct url in the card (percent-encode what is not ASCII)")
    if parts.username is not None or parts.password is not None:
        raise UsageError(f"{parts.hostname}: the address holds a user name; no credentials are sent")
    port = port or PORTS[parts.scheme]
    return _Place(parts, parts.hostname, port, _address(parts.hostname, port, limits))


def _address(host: str, port: int, limits: Limits) -> str:
    """Resolve a host; every address that it has must be public, and the first is the one that is used."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InputError(f"{host}: unknown host; check the address") from error
    addresses = [str(a[4][0]) for a in found]
    if not limits.private and (closed := [a for a in addresses if not is_public(a)]):
        raise InputError(f"{host}: {closed[0]} is not a public address; allow it only for a server of your own")
    return addresses[0]


def is_public(address: str) -> bool:
    """Tell whether an IP address is public, and so is the IPv4 address that an IPv6 one may carry."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        carried = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            carried = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if carried is not None:
            return carried.is_global and not carried.is_multicast
    return ip.is_global and not ip.is_multicast


@contextmanager
def _asked(place: _Place, headers: dict[str, str], ends: float) -> Iterator[http.client.HTTPResponse]:
    """Send one request to the address that was checked; nothing outlasts the end, not even a handshake or a header."""
    url = place.parts.geturl()
    left = ends - time.monotonic()
    if left <= 0:
        raise InputError(f"{url}: not received in time; run again to go on from there")
    connection = http.client.HTTPConnection(place.host, place.port)
    connection.default_port = PORTS[place.parts.scheme]
    held: list[socket.socket] = []
    stop = threading.Timer(left, _cut, [held])
    stop.daemon = True
    stop.start()
    try:
        with closing(connection):
            try:
                _connect(connection, place, held, min(left, STALLED_SECONDS))
                connection.request("GET", place.target, headers=headers)
                answer = connection.getresponse()
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise InputError(f"{url}: no answer ({type(error).__name__}: {str(error)[:200]}); try again") from error
            with answer:
                yield answer
    finally:
        stop.cancel()


def _connect(connection: http.client.HTTPConnection, place: _Place, held: list[socket.socket], seconds: float) -> None:
    """Connect to the checked address, and put the connection where it can be cut."""
    sock = socket.create_connection((place.address, place.port), timeout=seconds)
    held.append(sock)
    connection.sock = sock
    if place.parts.scheme == "https":
        secured = ssl.create_default_context().wrap_socket(
            sock, server_hostname=place.host, do_handshake_on_connect=False
        )
        held.append(secured)
        connection.sock = secured
        secured.do_handshake()


def _cut(held: list[socket.socket]) -> None:
    """End a connection from another thread: what waits on it wakes with an error."""
    for sock in held:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
