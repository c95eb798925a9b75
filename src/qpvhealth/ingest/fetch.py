"""Downloads of what the cards name, and only when asked: nothing else in a build reaches a network.

HTTPS unless told otherwise, public addresses only unless told otherwise (each redirection is checked against the same rules, and
the connection goes to the very address that was checked), bounded in size and time, resumed where it stopped, and checked against
the card's sha256 and the kind that the file's name says. A file that is already there is never replaced by other bytes.

Where the environment names a proxy (``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``, less ``NO_PROXY``), the request goes through it.
The proxy resolves the name of the host and connects; what this machine can resolve of it is checked all the same.
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
import re
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import SplitResult, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from qpvhealth import __version__
from qpvhealth.errors import InputError, PublishError, QpvhealthError, UsageError
from qpvhealth.ingest.readers.guard import MIB, checked_path, sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from urllib3.connection import HTTPConnection, HTTPSConnection

    from qpvhealth.ingest.card import Card

MAX_BYTES = 1024 * MIB
SECONDS = 600.0
STALLED_SECONDS = 30.0
MAX_REDIRECTS = 5
RETRIES = 2
BUSY = (429, 502, 503, 504)
"""Answers after which the same request may well succeed."""
CHUNK = 256 * 1024
PORTS = {"https": 443, "http": 80}
FETCHED, RESUMED, THERE, NO_URL = "fetched", "resumed", "already there", "no url"
_MOVED = (301, 302, 303, 307, 308)
_OK, _PARTIAL, _BEYOND, _SERVER_ERROR = 200, 206, 416, 500
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": f"qpvhealth/{__version__}"}


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
        raise problems[0][0]("\n".join(message for _, message in problems))
    return done


def fetch(card: Card, limits: Limits | None = None) -> Fetched:
    """Download the file that a card's ``url`` names to the card's path.

    A file that is there with the bytes that the card states is kept without any request. Where the card states no sha256, the
    download is compared with it. Raises InputError where the bytes differ from the file that is there or from the card, are not
    of the kind that the name says, or cannot be had within the limits; UsageError for an address that is none or not allowed;
    PublishError where the disk refuses.
    """
    path, url, stated = card.path, card.get("url"), card.get("sha256")
    stated = None if stated is None else str(stated).lower()
    if url is None:
        return Fetched(card.id, path, NO_URL)
    if path.exists() and stated is not None:
        sha256 = sha256_of(path)
        if stated != sha256:
            raise InputError(
                f"{path}: is there with other bytes than the card states (sha256 {sha256}); move it away first"
            )
        return Fetched(card.id, path, THERE, sha256, path.stat().st_size)
    part = path.with_name(f".{path.stem[:100]}.part{path.suffix}")
    note = part.with_name(f"{part.name}.json")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(part) as file:
            is_resumed = _fill(file, note, str(url), stated, limits or Limits())
            file.flush()
            os.fsync(file.fileno())
            try:
                sha256 = _accepted(part, path, stated)
            except InputError:
                part.unlink(missing_ok=True)
                note.unlink(missing_ok=True)
                raise
            outcome = THERE if path.exists() else RESUMED if is_resumed else FETCHED
            if outcome != THERE:
                try:
                    os.link(part, path)
                except FileExistsError as error:
                    raise InputError(f"{path}: appeared while it was being fetched; it was kept") from error
                except OSError:  # the file system has no hard links
                    part.rename(path)
        part.unlink(missing_ok=True)
        note.unlink(missing_ok=True)
    except OSError as error:
        raise PublishError(f"{error.filename or path}: cannot be written: {error.strerror or error}") from error
    return Fetched(card.id, path, outcome, sha256, path.stat().st_size)


@contextmanager
def _locked(part: Path) -> Iterator[IO[bytes]]:
    """Open the partial file for this process alone."""
    handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    with os.fdopen(handle, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PublishError(f"{part}: another fetch is under way; try again when it has ended") from error
        yield file


def _accepted(part: Path, path: Path, stated: str | None) -> str:
    """Return the hash of a complete download once it is checked against its name, the card, and the file that is there."""
    sha256 = sha256_of(checked_path(part))
    if stated not in (None, sha256):
        raise InputError(f"{path}: what was sent is not what the card states (sha256 {sha256}, the card says {stated})")
    if path.exists() and sha256_of(path) != sha256:
        raise InputError(
            f"{path}: the address now gives other bytes (sha256 {sha256}) than the file that is there, which was kept; "
            "move it away to take the new one"
        )
    return sha256


def _fill(file: IO[bytes], note: Path, url: str, stated: str | None, limits: Limits) -> bool:
    """Ask for an address, following a few redirections, and write what comes; say whether it went on from before.

    ``note`` says of what the partial file is a part: its bytes are used only where they can be told to be of the same file.
    """
    ends, size, part = time.monotonic() + limits.seconds, os.fstat(file.fileno()).st_size, {}
    with suppress(OSError, ValueError):
        part = json.loads(note.read_bytes())
    is_same = isinstance(part, dict) and (part.get("url"), part.get("sha256")) == (url, stated)
    validator = part.get("validator") if is_same else None
    size = size if is_same and (validator or stated) else 0
    about = {"url": url, "sha256": stated, "validator": validator}
    for _ in range(MAX_REDIRECTS + 1):
        headers = dict(_HEADERS)
        if size:
            headers |= {"Range": f"bytes={size}-"} | ({"If-Range": validator} if validator else {})
        with _requested(url, headers, ends, limits) as response:
            if response.status in _MOVED and (location := response.headers.get("Location")):
                url = urljoin(url, location)
            elif response.status == _BEYOND and size:
                size = 0
            else:
                start = _first_byte(response, size, url)
                tag = response.headers.get("ETag")
                if tag and not tag.startswith("W/"):  # a date, or a weak tag, is too coarse to go on from
                    about["validator"] = tag
                elif not start:
                    about["validator"] = None
                note.write_text(json.dumps(about), encoding="utf-8")
                _write_body(response, file, start, url, ends, limits.max_bytes)
                return start > 0
    raise InputError(f"{url}: more than {MAX_REDIRECTS} redirections; give the final address")


def _first_byte(response: urllib3.BaseHTTPResponse, size: int, url: str) -> int:
    """Say at which byte the body of an answer starts; refuse one that is not what was asked for."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise InputError(f"{url}: sent compressed though it was asked for as it is")
    if response.status == _OK:
        return 0
    if response.status in BUSY:
        raise InputError(f"{url}: busy ({response.status} {(response.reason or '')[:100]!r}); try again later")
    if response.status != _PARTIAL or not size:
        advice = "try again later" if response.status >= _SERVER_ERROR else "check the address"
        raise InputError(f"{url}: answers {response.status} {(response.reason or '')[:100]!r}; {advice}")
    sent = re.fullmatch(r"bytes (\d+)-\d+/(?:\d+|\*)", response.headers.get("Content-Range", ""))
    if sent is None or int(sent[1]) != size:
        raise InputError(f"{url}: sent another part than the one asked for; remove the partial file and run again")
    return size


def _write_body(  # noqa: PLR0917 -- the bounds of one answer
    response: urllib3.BaseHTTPResponse, file: IO[bytes], start: int, url: str, ends: float, max_bytes: int
) -> None:
    """Write the body of an answer from a position on, within its bounds of size and time."""
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and start + int(length) > max_bytes:
        raise InputError(f"{url}: {start + int(length)} bytes, at most {max_bytes} are fetched")
    file.truncate(start)
    file.seek(start)
    size = start
    while True:
        try:
            chunk = response.read1(CHUNK, decode_content=False)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            reason = "not received in time" if time.monotonic() >= ends else f"broke off ({type(error).__name__})"
            raise InputError(f"{url}: {reason}; run again to go on from there") from error
        if time.monotonic() >= ends:
            raise InputError(f"{url}: not received in time; run again to go on from there")
        if not chunk:
            return
        size += len(chunk)
        if size > max_bytes:
            file.truncate(0)
            raise InputError(f"{url}: more than {max_bytes} bytes, which is what is fetched at most")
        file.write(chunk)


@contextmanager
def _requested(url: str, headers: dict[str, str], ends: float, limits: Limits) -> Iterator[urllib3.BaseHTTPResponse]:
    """Send one request to the address that was checked, or to the proxy; nothing outlasts the end, not even a handshake."""
    parts = _checked_parts(url, limits)
    host, port = cast("str", parts.hostname), parts.port or PORTS[parts.scheme]
    proxies = {} if proxy_bypass(host) else getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    address = _checked_address(host, port, limits, has_proxy=proxy is not None)
    if (left := ends - time.monotonic()) <= 0:
        raise InputError(f"{url}: not received in time; run again to go on from there")
    options: dict[str, Any] = {"timeout": min(left, STALLED_SECONDS)}
    options["retries"] = _patient(url, ends)(
        RETRIES, redirect=False, backoff_factor=0.2, status_forcelist=BUSY, raise_on_status=False
    )
    if parts.scheme == "https":
        options["ssl_context"] = ssl.create_default_context()
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sockets: list[socket.socket] = []
    if proxy is None:
        manager = urllib3.PoolManager(**options)
        own = {"server_hostname": host, "assert_hostname": host} if parts.scheme == "https" else {}
    else:
        try:
            auth = urllib3.util.parse_url(proxy).auth
            proxy_headers = urllib3.make_headers(proxy_basic_auth=auth) if auth else {}
            manager, own = urllib3.ProxyManager(proxy, proxy_headers=proxy_headers, **options), {}
        except urllib3.exceptions.HTTPError as error:
            raise UsageError("the proxy that the environment names is no http or https address; correct it") from error
        if parts.scheme == "http":  # a tunnel has its own
            target, headers = url, headers | proxy_headers
    pool = manager.connection_from_host(address, port, parts.scheme, pool_kwargs={**manager.connection_pool_kw, **own})
    pool.ConnectionCls = _cuttable(pool.ConnectionCls, sockets, ends)
    stop = threading.Timer(left, _cut, [sockets])
    stop.daemon = True
    stop.start()
    try:
        try:
            response = pool.urlopen(
                "GET",
                target,
                headers=headers | {"Host": parts.netloc},
                redirect=False,
                preload_content=False,
                assert_same_host=False,
            )
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise InputError(f"{url}: no answer ({type(error).__name__}: {str(error)[:200]}); try again") from error
        try:
            yield response
        finally:
            response.close()
    finally:
        stop.cancel()
        manager.clear()
        for sock in sockets:
            sock.close()


def _patient(url: str, ends: float) -> type[urllib3.Retry]:
    """Return a class of retries that wait as long as a busy server asks (Retry-After), unless the time allowed ends before."""

    class Patient(urllib3.Retry):
        def get_retry_after(self, response: urllib3.BaseHTTPResponse) -> float | None:
            """Return the seconds that the server wants, refused where they go beyond the time there is; null for no time."""
            try:
                asked = super().get_retry_after(response)
            except urllib3.exceptions.InvalidHeader:
                return None
            if asked is not None and asked > (left := max(0, ends - time.monotonic())):
                raise InputError(
                    f"{url}: busy ({response.status}), it asks to wait {asked:.0f} s, {left:.0f} s are left;"
                    " try again later, or allow more with --seconds"
                )
            return asked

    return Patient


def _cuttable(base: type[Any], sockets: list[socket.socket], ends: float) -> type[HTTPConnection | HTTPSConnection]:
    """Return a class of connections that add to ``sockets`` a second handle of theirs, and that open none after the end."""

    class Connection(base):  # type: ignore[misc]
        def _new_conn(self) -> socket.socket:
            if time.monotonic() >= ends:
                raise urllib3.exceptions.NewConnectionError(self, "not received in time")
            sock: socket.socket = super()._new_conn()
            sockets.append(sock.dup())
            return sock

    return Connection


def _cut(sockets: list[socket.socket]) -> None:
    """End connections from another thread: what waits on them wakes with an error."""
    for sock in sockets:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def _checked_parts(url: str, limits: Limits) -> SplitResult:
    """Check an address against the rules. Raises UsageError for one that is none or not allowed."""
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
    return parts


def _checked_address(host: str, port: int, limits: Limits, *, has_proxy: bool) -> str:
    """Resolve a host; every address that it has must be public. Return the first, or for a proxy the name.

    A name that this machine cannot resolve is left to the proxy.
    """
    try:
        addresses = [str(a[4][0]) for a in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        if has_proxy:
            return host
        raise InputError(f"{host}: unknown host; check the address") from error
    if not limits.private and (closed := [a for a in addresses if not is_public(a)]):
        raise InputError(f"{host}: {closed[0]} is not a public address; allow it only for a server of your own")
    return host if has_proxy else addresses[0]


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
