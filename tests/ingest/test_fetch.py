"""Downloads from a server of our own on the loopback: what is taken, what is refused, and what is never touched."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import socket
import threading
import time

import pytest

from qpvhealth.errors import InputError, PublishError, UsageError
from qpvhealth.ingest import fetch as module
from qpvhealth.ingest.card import Card
from qpvhealth.ingest.fetch import Limits, fetch, fetch_all, is_public

BODY = b"finess_et;name\n" + b"930000001;Le Parc\n" * 5_000
SHA256 = hashlib.sha256(BODY).hexdigest()
OURS = Limits(insecure=True, private=True, seconds=20)


class Answers(http.server.BaseHTTPRequestHandler):
    """Serves BODY; what it does wrong is named by the path."""

    protocol_version = "HTTP/1.1"
    seen: list

    def log_message(self, *_):
        """Say nothing."""

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        getattr(self, f"_{self.path.split('/')[1].split('?')[0].replace('.csv', '')}", self._whole)()

    def do_CONNECT(self):
        self.server.seen.append((self.path, dict(self.headers)))
        self.send_error(403)

    def _send(self, body, status=200, length=None, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _whole(self):
        self._send(BODY, ETag='"v1"')

    def _missing(self):
        self._send(b"no", status=404)

    def _busy(self):
        self._send(b"later", status=503) if len(self.server.seen) == 1 else self._whole()

    def _limited(self):
        wait = self.path.rsplit("/", 1)[-1].removesuffix(".csv").replace("%20", " ")
        self._send(b"", status=429, Retry_After=wait) if len(self.server.seen) == 1 else self._whole()

    def _failed(self):
        self._send(b"no", status=500)

    def _always(self):
        self._send(b"", status=429)

    def _page(self):
        self._send(b"PK\x03\x04 is no text", ETag='"v1"')

    def _other(self):
        self._send(BODY + b"930000009;New\n")

    def _packed(self):
        self._send(BODY, Content_Encoding="gzip")

    def _cut(self):
        """Break off in the middle, unless asked to go on from there."""
        asked = self.headers.get("Range")
        if asked is None:
            self._send(BODY[:40_000], length=len(BODY), ETag='"v1"')
            self.close_connection = True
            return
        start = int(asked.removeprefix("bytes=").rstrip("-"))
        if self.headers.get("If-Range") != '"v1"':
            self._whole()
            return
        self._send(BODY[start:], status=206, Content_Range=f"bytes {start}-{len(BODY) - 1}/{len(BODY)}", ETag='"v1"')

    def _changed(self):
        """Break off, and have another version the next time: the whole is sent again."""
        if self.headers.get("Range") is None:
            self._send(BODY[:40_000], length=len(BODY), ETag='"v0"')
            self.close_connection = True
        else:
            self._whole()

    def _shifted(self):
        if self.headers.get("Range") is None:
            self._cut()
        else:
            self._send(BODY, status=206, Content_Range=f"bytes 0-{len(BODY) - 1}/{len(BODY)}")

    def _beyond(self):
        if self.headers.get("Range") is None:
            self._whole() if len(self.server.seen) > 1 else self._cut()
        else:
            self._send(b"", status=416)

    def _redirected(self, location):
        self._send(b"", status=302, Location=location)

    def _loop(self):
        self._redirected("/loop")

    def _moved(self):
        self._redirected("/whole.csv")

    def _away(self):
        self._redirected(f"http://127.0.0.2:{self.server.server_port}/whole.csv")

    def _file(self):
        self._redirected("file:///etc/passwd")

    def _dripped(self, piece, times, pause):
        """Send a piece again and again, and close the connection."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            for _ in range(times):
                self.wfile.write(piece)
                self.wfile.flush()
                time.sleep(pause)

    def _endless(self):
        self.send_response(200)
        self.end_headers()
        self._dripped(b"930000001;Le Parc\n" * 1_000, 1_000_000, 0)

    def _slow(self):
        self.send_response(200)
        self.end_headers()
        self._dripped(b"9", 600, 0.1)

    def _chunked(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"ff\r\n930000001;Le Parc\n")
        self.close_connection = True

    def _sticky(self):
        self._dripped(b"H", 600, 0.1)  # a header, one byte at a time


@pytest.fixture(autouse=True)
def _without_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        running.seen, running.daemon_threads, running.handle_error = [], True, lambda *_: None
        thread = threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def card(tmp_path, server):
    def make(page="whole.csv", *, name="structures/été 2019.csv", **options):
        url = page if "://" in page else f"http://127.0.0.1:{server.server_port}/{page}"
        return Card("c", "structures", tmp_path / name, name, {"url": url} | options)

    return make


def left(tmp_path):
    return sorted(p.name for p in tmp_path.rglob("*") if p.is_file())


def test_a_file_is_fetched_under_its_name(card, tmp_path, server):
    done = fetch(card(sha256=SHA256.upper()), OURS)
    assert (done.outcome, done.sha256, done.n_bytes) == ("fetched", SHA256, len(BODY))
    assert done.path.read_bytes() == BODY
    assert left(tmp_path) == ["été 2019.csv"]
    assert server.seen[0][1]["Host"] == f"127.0.0.1:{server.server_port}"


def test_a_file_that_is_there_with_the_stated_bytes_needs_no_request(card, server):
    assert fetch(card(url=None), OURS).outcome == "no url"
    fetch(card(sha256=SHA256), OURS)
    assert fetch(card(sha256=SHA256), Limits()).outcome == "already there"
    assert len(server.seen) == 1


@pytest.mark.parametrize(("page", "options"), [("other.csv", {}), ("whole.csv", {"sha256": SHA256})])
def test_a_different_file_is_never_overwritten(card, tmp_path, page, options):
    target = tmp_path / "structures" / "été 2019.csv"
    target.parent.mkdir()
    target.write_bytes(b"mine\n")
    with pytest.raises(InputError, match="other bytes"):
        fetch(card(page, **options), OURS)
    assert target.read_bytes() == b"mine\n"
    assert left(tmp_path) == ["été 2019.csv"]


def test_the_same_bytes_again_are_no_problem(card, tmp_path):
    fetch(card(), OURS)
    assert fetch(card(), OURS).outcome == "already there"
    assert left(tmp_path) == ["été 2019.csv"]


def test_a_file_that_appears_meanwhile_is_kept(card, tmp_path, monkeypatch):
    target = tmp_path / "structures" / "été 2019.csv"
    real = module._accepted

    def slow(*args):
        digest = real(*args)
        target.write_bytes(b"mine\n")
        return digest

    monkeypatch.setattr(module, "_accepted", slow)
    monkeypatch.setattr(type(target), "exists", lambda _: False)
    with pytest.raises(InputError, match="appeared"):
        fetch(card(), OURS)
    assert target.read_bytes() == b"mine\n"


def test_where_there_are_no_hard_links_the_file_is_renamed(card, tmp_path, monkeypatch):
    def no_links(*_):
        raise PermissionError

    monkeypatch.setattr(module.os, "link", no_links)
    assert fetch(card(), OURS).path.read_bytes() == BODY
    assert left(tmp_path) == ["été 2019.csv"]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("missing.csv", "404 'Not Found'; check the address"),
        ("failed.csv", "500 'Internal Server Error'; try again later"),
        ("page.csv", "does not fit the extension"),
        ("packed.csv", "compressed"),
        ("chunked.csv", "broke off"),
        ("loop", "more than 5 redirections"),
        ("other.csv", "not what the card states"),
    ],
)
def test_what_is_not_the_file_is_refused(card, tmp_path, page, said):
    with pytest.raises(InputError, match=said):
        fetch(card(page, sha256=SHA256), OURS)
    assert "été 2019.csv" not in left(tmp_path)
    if page == "other.csv":
        assert left(tmp_path) == []


def test_each_redirection_is_held_against_the_rules(card, server, monkeypatch):
    assert fetch(card("moved", name="moved.csv"), OURS).outcome == "fetched"
    with pytest.raises(UsageError, match="only https"):
        fetch(card("file"), OURS)
    monkeypatch.setattr(module, "is_public", lambda address: address != "127.0.0.2")
    with pytest.raises(InputError, match=r"127\.0\.0\.2 is not a public address"):
        fetch(card("away"), Limits(insecure=True))
    assert [path for path, _ in server.seen] == ["/moved", "/whole.csv", "/file", "/away"]


@pytest.mark.parametrize(
    ("url", "error", "said"),
    [
        ("http://127.0.0.1/x.csv", UsageError, "only https"),
        ("ftp://example.org/x.csv", UsageError, "only https"),
        ("file:///etc/passwd", UsageError, "only https"),
        ("https://me:secret@example.org/x.csv", UsageError, "user name"),
        ("https://exa mple.org/x.csv", UsageError, "not an address"),
        ("https://example.org/x.csv\r\nHost: other", UsageError, "not an address"),
        ("https://example.org/é.csv", UsageError, "percent-encode"),
        ("https://example.org:99999/x.csv", UsageError, "not an address"),
        ("https://[::1/x.csv", UsageError, "not an address"),
        ("https://127.0.0.1/x.csv", InputError, "not a public address"),
        ("https://localhost/x.csv", InputError, "not a public address"),
        ("https://2130706433/x.csv", InputError, "not a public address|unknown host"),
        ("https://[::ffff:10.0.0.1]/x.csv", InputError, "not a public address|unknown host"),
        ("https://nowhere.invalid/x.csv", InputError, "unknown host"),
    ],
)
def test_addresses_that_are_not_asked(card, server, url, error, said):
    with pytest.raises(error, match=said):
        fetch(card(url), Limits(seconds=5))
    assert server.seen == []


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1"),
        "0.0.0.0",  # noqa: S104
        *("::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "ff02::1"),
    ],
)
def test_addresses_that_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_that_are_public(address):
    assert is_public(address)


def test_size_is_bounded_whether_it_is_said_or_not(card, tmp_path):
    for page in ("whole.csv", "endless"):
        with pytest.raises(InputError, match="at most"):
            fetch(card(page), Limits(insecure=True, private=True, max_bytes=10_000))
    assert all(p.stat().st_size <= 10_000 for p in tmp_path.rglob("*") if p.is_file())


@pytest.mark.parametrize("page", ["slow", "sticky"])
def test_time_is_bounded_for_the_body_and_for_the_headers(card, page):
    started = time.monotonic()
    with pytest.raises(InputError, match=r"in time|no answer"):
        fetch(card(page), Limits(insecure=True, private=True, seconds=0.5))
    assert time.monotonic() - started < 30  # a minute is what the server would take


def test_no_time_no_request(card, server):
    with pytest.raises(InputError, match="in time"):
        fetch(card(), Limits(insecure=True, private=True, seconds=0))
    assert server.seen == []


@pytest.mark.parametrize("stated", [{}, {"sha256": SHA256}])
def test_a_cut_download_goes_on_from_where_it_was(card, tmp_path, server, stated):
    with pytest.raises(InputError, match="run again to go on"):
        fetch(card("cut", **stated), OURS)
    assert "été 2019.csv" not in left(tmp_path)
    done = fetch(card("cut", **stated), OURS)
    assert (done.outcome, done.sha256) == ("resumed", SHA256)
    assert server.seen[1][1]["Range"] == "bytes=40000-"
    assert left(tmp_path) == ["été 2019.csv"]


def test_another_version_is_fetched_whole_and_so_is_another_address(card, server):
    with pytest.raises(InputError, match="go on"):
        fetch(card("cut", name="b.csv"), OURS)
    fetch(card("whole.csv", name="b.csv"), OURS)
    assert "Range" not in server.seen[1][1]
    with pytest.raises(InputError, match="go on"):
        fetch(card("changed"), OURS)
    assert fetch(card("changed"), OURS).sha256 == SHA256


def test_a_part_that_was_not_asked_for_is_refused(card):
    for said in ("go on", "another part"):
        with pytest.raises(InputError, match=said):
            fetch(card("shifted"), OURS)


def test_a_part_beyond_the_end_is_asked_for_again_whole(card, server):
    with pytest.raises(InputError, match="go on"):
        fetch(card("beyond"), OURS)
    assert fetch(card("beyond"), OURS).outcome == "fetched"
    assert [("Range" in headers) for _, headers in server.seen] == [False, True, False]


@pytest.fixture
def part(tmp_path):
    (tmp_path / "structures").mkdir()
    return tmp_path / "structures" / ".été 2019.part.csv"


def test_two_fetches_at_once(card, part):
    import fcntl

    with part.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(PublishError, match="another fetch"):
            fetch(card(), OURS)


def test_a_partial_file_that_is_a_link_is_not_followed(card, tmp_path, part):
    (tmp_path / "mine.csv").write_bytes(b"mine\n")
    part.symlink_to(tmp_path / "mine.csv")
    with pytest.raises(PublishError):
        fetch(card(), OURS)
    assert (tmp_path / "mine.csv").read_bytes() == b"mine\n"


def test_nobody_there(card):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/x.csv"
        with pytest.raises(InputError, match="no answer"):
            fetch(card(url), OURS)


def test_a_server_without_a_certificate_that_can_be_trusted(card, server):
    with pytest.raises(InputError, match="no answer"):
        fetch(card(f"https://127.0.0.1:{server.server_port}/whole.csv"), OURS)
    assert server.seen == []


def test_a_busy_server_is_asked_again(card, server):
    assert fetch(card("busy"), OURS).outcome == "fetched"
    assert len(server.seen) == 2
    server.seen.clear()
    assert fetch(card("limited/soon.csv", name="b.csv"), OURS).outcome == "fetched"  # no time that can be read
    server.seen.clear()
    past = "limited/Mon, 01 Jan 2024 00:00:00 GMT.csv"
    assert fetch(card(past.replace(" ", "%20"), name="c.csv"), OURS).outcome == "fetched"


def test_a_server_that_limits_is_waited_for_as_it_asks(card, server):
    started = time.monotonic()
    assert fetch(card("limited/1.csv"), OURS).outcome == "fetched"
    assert time.monotonic() - started >= 1
    server.seen.clear()
    with pytest.raises(InputError, match=r"busy \(429\), it asks to wait 3600 s, .* try again later, or allow more"):
        fetch(card("limited/3600.csv", name="b.csv"), OURS)
    with pytest.raises(InputError, match=r"busy \(429 .*try again later"):
        fetch(card("always.csv", name="b.csv"), OURS)


@pytest.fixture
def proxy(server, monkeypatch):
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://me:secret@127.0.0.1:{server.server_port}")
    return server


def test_a_proxy_is_used_and_resolves_the_name(card, proxy):
    assert fetch(card("http://nowhere.invalid/whole.csv"), Limits(insecure=True)).outcome == "fetched"
    ((url, headers),) = proxy.seen
    assert (url, headers["Host"]) == ("http://nowhere.invalid/whole.csv", "nowhere.invalid")
    assert headers["proxy-authorization"].startswith("Basic ")


def test_a_proxy_is_asked_for_a_tunnel_to_a_server_with_https(card, proxy):
    with pytest.raises(InputError, match="no answer"):
        fetch(card("https://nowhere.invalid/whole.csv"))
    assert {path for path, _ in proxy.seen} == {"nowhere.invalid:443"}


def test_behind_a_proxy_too_addresses_must_be_public(card, proxy):
    for url in ("http://10.0.0.1/whole.csv", "https://localhost/whole.csv"):
        with pytest.raises(InputError, match="not a public address"):
            fetch(card(url), Limits(insecure=True))
    assert proxy.seen == []


def test_a_proxy_of_another_kind_is_refused(card, monkeypatch):
    monkeypatch.setenv("http_proxy", "socks5://me:secret@127.0.0.1:9")
    with pytest.raises(UsageError, match="the proxy that the environment names") as caught:
        fetch(card(), OURS)
    assert "secret" not in str(caught.value)


def test_a_host_that_needs_no_proxy_is_asked_directly(card, server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert fetch(card(), OURS).outcome == "fetched"
    assert [path for path, _ in server.seen] == ["/whole.csv"]


def test_every_card_is_tried_then_all_problems_are_told(card):
    good, bad = card(name="a.csv"), card("missing.csv", name="b.csv")
    with pytest.raises(InputError, match=r"card c: .*404"):
        fetch_all([bad, good], OURS)
    assert good.path.exists()
    assert [f.outcome for f in fetch_all([good], OURS)] == ["already there"]
