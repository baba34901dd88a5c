"""The operator's door: JSON over admin.sock. The command line over it has its own tests."""
import os
import re
import socket
import sqlite3
import stat
import struct
import time

import pytest

import harness
from harness import make_txt

pytestmark = pytest.mark.mended

NOT_FOUND = (404, {"error": "not_found"})


def outcome(answer):
    assert answer.header("Content-Type") == "application/json"
    return answer.status, answer.json()


def get(server, path):
    answer = server.admin("GET", path)
    assert answer.status == 200, answer
    return answer.json()


def ledger(server, **query):
    words = "&".join(f"{key}={value}" for key, value in query.items())
    return get(server, "/admin/ledger" + ("?" + words if words else ""))


# ---- status ----

def test_socket_is_for_owner_and_group_only(shared_locumd):
    info = os.stat(shared_locumd.admin_socket)
    assert stat.S_ISSOCK(info.st_mode)
    assert stat.S_IMODE(info.st_mode) == 0o660
    assert harness.mode(shared_locumd.data) == 0o700


def test_status_tells_what_runs(shared_locumd):
    before = get(shared_locumd, "/admin/status")
    delegate = shared_locumd.register()
    shared_locumd.update(delegate, make_txt())
    shared_locumd.txt(delegate.fulldomain)
    shared_locumd.txt(delegate.fulldomain, tcp=True)
    after = get(shared_locumd, "/admin/status")
    for key in ("version", "node", "uptime_s", "storage", "storage_why", "zones", "delegates", "keys",
                "registration", "sequence", "queue", "commits", "operations", "failures",
                "sightings_lost", "dns", "api"):
        assert key in after, key
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", after["version"])
    assert after["node"] == "node1"
    assert after["storage"] == "ok" and after["storage_why"] == ""
    assert after["registration"] == "open"
    assert after["delegates"] == before["delegates"] + 1
    assert after["keys"] == before["keys"] + 1
    assert after["sequence"] > before["sequence"]
    assert after["commits"] > before["commits"]
    assert after["operations"] >= before["operations"] + 2
    assert after["failures"] == 0 and after["sightings_lost"] == 0
    assert [zone["name"].rstrip(".") for zone in after["zones"]] == [harness.ZONE]
    assert after["zones"][0]["serial"] == shared_locumd.query(
        harness.ZONE, "SOA").answer[0][0].serial
    assert after["dns"]["udp_queries"] > before["dns"]["udp_queries"]
    assert after["dns"]["tcp_queries"] > before["dns"]["tcp_queries"]
    assert after["api"]["connections"] >= 0


# ---- tokens ----

def test_token_is_shown_once(shared_locumd):
    answer = shared_locumd.admin("POST", "/admin/tokens", {"note": "for \"us\" \u00e4"})
    assert answer.status == 201
    made = answer.json()
    assert set(made) == {"id", "token", "note"}
    assert made["note"] == "for \"us\" \u00e4"
    assert re.fullmatch(r"[A-Za-z0-9_-]{20,}", made["token"])  # goes into a URL's path as it is
    rows = get(shared_locumd, "/admin/tokens")["tokens"]
    row, = [row for row in rows if row["id"] == made["id"]]
    assert row["note"] == made["note"] and row["uses"] == 0 and row["revoked_ms"] is None
    assert abs(row["created_ms"] - time.time() * 1000) < 60_000
    assert made["token"] not in shared_locumd.admin("GET", "/admin/tokens").body.decode()


def test_token_counts_its_uses_and_ends_when_revoked(locumd):
    server = locumd(registration={"policy": "token"})
    ident, token = server.new_token()
    for _ in range(3):
        server.register(headers={"X-Registration-Token": token})
    server.register(prefix="/token/" + token)
    row, = get(server, "/admin/tokens")["tokens"]
    assert row["uses"] == 4
    assert outcome(server.admin("DELETE", f"/admin/tokens/{ident}")) == (200, {"id": ident})
    row, = get(server, "/admin/tokens")["tokens"]
    assert abs(row["revoked_ms"] - time.time() * 1000) < 60_000
    server.register(headers={"X-Registration-Token": token}, expect=401)
    server.restart()
    server.register(headers={"X-Registration-Token": token}, expect=401)
    other = server.new_token()[1]
    server.restart(kill=True)
    server.register(headers={"X-Registration-Token": other})


@pytest.mark.parametrize("ident", ["0", "999999", "x", "-1", "1e3", "18446744073709551617", "%31"])
def test_unknown_token_is_not_found(shared_locumd, ident):
    assert outcome(shared_locumd.admin("DELETE", f"/admin/tokens/{ident}")) == NOT_FOUND


def test_token_without_a_note(shared_locumd):
    for body in ({}, {"note": ""}):
        answer = shared_locumd.admin("POST", "/admin/tokens", body)
        assert answer.status == 201, answer
        assert answer.json()["note"] == ""


# ---- delegates ----

def test_delegate_tells_all_but_the_secret(shared_locumd):
    delegate = shared_locumd.register({"allowfrom": ["127.0.0.1/8", "[::1]/128"],
                                       "domain": "*.Example.com."})
    values = [make_txt(i) for i in range(3)]
    for value in values:
        shared_locumd.update(delegate, value)
    row = get(shared_locumd, "/admin/delegates/" + delegate.subdomain)
    assert row["fulldomain"] == delegate.fulldomain
    assert row["subdomain"] == delegate.subdomain
    assert row["zone"].rstrip(".") == harness.ZONE
    assert [value["txt"] for value in row["values"]] == values
    sequences = [value["sequence"] for value in row["values"]]
    assert sequences == sorted(set(sequences))
    key, = row["keys"]
    assert key["id"] == delegate.username
    assert key["allowfrom"] == ["127.0.0.1/8", "::1/128"]
    assert [domain["name"] for domain in row["domains"]] == ["example.com"]
    assert row["domains"][0]["bound_ms"] is None or row["domains"][0]["bound_ms"] == 0 or \
        row["domains"][0]["bound_ms"] > 0
    assert delegate.password not in str(row)
    assert abs(row["created_ms"] - time.time() * 1000) < 60_000


@pytest.mark.parametrize("label", ["00000000-0000-4000-8000-000000000000", "x", "%00", "a" * 300, "..",
                                   "'--"])
def test_unknown_delegate_is_not_found(shared_locumd, label):
    assert outcome(shared_locumd.admin("GET", "/admin/delegates/" + label)) == NOT_FOUND


def test_resolvers_that_asked_are_remembered_by_network(shared_locumd):
    delegate = shared_locumd.register()
    shared_locumd.txt(delegate.fulldomain)  # no value yet: nothing to explain
    shared_locumd.update(delegate, make_txt())
    for _ in range(3):
        shared_locumd.txt(delegate.fulldomain)
    shared_locumd.txt(delegate.fulldomain, tcp=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.9.9.9", 0))
        sock.settimeout(harness.seconds(5))
        sock.sendto(harness.wire_query(delegate.fulldomain), (shared_locumd.dns_host,
                                                              shared_locumd.dns_port))
        assert sock.recv(4096)

    def seen():
        row = get(shared_locumd, "/admin/delegates/" + delegate.subdomain)
        rows = {(s["prefix"], s["transport"]) for s in row["sightings"]}
        return rows if len(rows) >= 3 else None

    rows = harness.await_condition(seen, timeout=30)
    assert rows == {("127.0.0.0/24", "udp"), ("127.0.0.0/24", "tcp"), ("127.9.9.0/24", "udp")}
    row = get(shared_locumd, "/admin/delegates/" + delegate.subdomain)
    assert len(row["sightings"]) == 3  # not one for each query
    assert {s["value_sequence"] for s in row["sightings"]} == {row["values"][0]["sequence"]}
    assert all(abs(s["first_ms"] - time.time() * 1000) < 60_000 for s in row["sightings"])


def test_forged_resolvers_do_not_hide_who_asked_over_tcp(locumd):
    """A second's flood from a thousand networks, as forged UDP queries look, is worked off little by
    little; what came over TCP does not wait behind it."""
    server = locumd()
    flooded, watched = server.register(), server.register()
    for delegate in (flooded, watched):
        server.update(delegate, make_txt(1))
    for number in range(1000):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((f"127.{1 + number // 250}.{number % 250}.1", 0))
            sock.sendto(harness.wire_query(flooded.fulldomain), (server.dns_host, server.dns_port))
    server.query(watched.fulldomain)
    server.query(watched.fulldomain, tcp=True)

    def sightings():
        rows = get(server, "/admin/delegates/" + watched.subdomain)["sightings"]
        return {row["transport"]: row["first_ms"] for row in rows}
    harness.await_condition(lambda: len(sightings()) == 2, timeout=20)
    assert sightings()["tcp"] < sightings()["udp"]


def ask_from(server, name, address, kind=socket.SOCK_DGRAM):
    """One query for TXT at NAME that comes from ADDRESS."""
    message = harness.wire_query(name)
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind((address, 0))
        sock.settimeout(harness.seconds(5))
        sock.connect((server.dns_host, server.dns_port))
        sock.sendall(message if kind == socket.SOCK_DGRAM else harness.frame(message))
        assert sock.recv(4096)


def test_the_first_64_networks_stay_and_the_forgeable_displace_no_other(locumd):
    """Each way in which an address is proved has room of its own: UDP addresses can be forged."""
    server = locumd()
    delegate = server.register()
    server.update(delegate, make_txt())

    def seen(transport):
        rows = get(server, "/admin/delegates/" + delegate.subdomain)["sightings"]
        return {row["prefix"] for row in rows if row["transport"] == transport}

    for number in range(64):
        ask_from(server, delegate.fulldomain, f"127.1.{number}.1")
    first = {f"127.1.{number}.0/24" for number in range(64)}
    harness.await_condition(lambda: seen("udp") == first, timeout=30)
    for number in range(100, 110):
        ask_from(server, delegate.fulldomain, f"127.1.{number}.1")
    ask_from(server, delegate.fulldomain, "127.2.0.1", socket.SOCK_STREAM)
    harness.await_condition(lambda: seen("tcp") == {"127.2.0.0/24"}, timeout=30)
    assert seen("udp") == first


def test_a_new_delegate_inherits_nothing_from_a_removed_one(locumd):
    server = locumd()
    old = server.register()
    server.update(old, make_txt(1))
    server.query(old.fulldomain)
    harness.await_condition(lambda: get(server, "/admin/delegates/" + old.subdomain)["sightings"])
    assert server.admin("DELETE", "/admin/delegates/" + old.subdomain).status == 200
    new = server.register()
    assert get(server, "/admin/delegates/" + new.subdomain)["sightings"] == []


# ---- ledger ----

def test_ledger_has_a_row_for_each_change(shared_locumd):
    delegate = shared_locumd.register(headers={"User-Agent": "first/1.0"})
    shared_locumd.update(delegate, make_txt(1), headers={"User-Agent": "second/2.0"})
    shared_locumd.clear(delegate)
    rows = ledger(shared_locumd, delegate=delegate.subdomain)["rows"]
    assert [row["kind"] for row in rows] == ["register", "update", "clear"]
    for row in rows:
        assert row["delegate"] == delegate.subdomain
        assert row["zone"].rstrip(".") == harness.ZONE
        assert row["key"] == delegate.username
        assert row["address"] == "127.0.0.1"
        assert re.fullmatch("[0-9a-f]{64}", row["hash"])
        assert re.fullmatch("[0-9a-f]{64}", row["commitment"])
        assert abs(row["time_ms"] - time.time() * 1000) < 60_000
    assert [row["user_agent"] for row in rows][:2] == ["first/1.0", "second/2.0"]
    assert rows[1]["detail"] == make_txt(1)
    sequences = [row["sequence"] for row in rows]
    assert sequences == sorted(set(sequences))
    assert delegate.password not in str(rows)


def test_ledger_is_one_chain_page_by_page(locumd):
    server = locumd()
    made = [server.register() for _ in range(5)]
    for number in range(20):
        server.update(made[number % 5], make_txt(number))
    whole, after = [], 0
    while True:
        page = ledger(server, after=after, limit=7)
        assert len(page["rows"]) <= 7
        whole += page["rows"]
        if not page["more"]:
            break
        after = page["rows"][-1]["sequence"]
    sequences = [row["sequence"] for row in whole]
    assert sequences == sorted(set(sequences))
    assert sum(row["kind"] == "register" for row in whole) == 5
    assert sum(row["kind"] == "update" for row in whole) == 20
    for before, row in zip(whole, whole[1:]):
        assert row["previous"] == before["hash"]
    assert set(whole[0]["previous"]) == {"0"}
    server.restart(kill=True)
    assert ledger(server, limit=1000)["rows"][:len(whole)] == whole


def test_ledger_names_the_client_behind_a_trusted_proxy(locumd):
    server = locumd(api={"trusted-proxies": ["127.0.0.1/32"]})
    delegate = server.register(headers={"X-Forwarded-For": "198.51.100.9, 192.0.2.7"})
    server.update(delegate, make_txt(), headers={"X-Forwarded-For": "2001:db8::7"})
    server.update(delegate, make_txt(), headers={"X-Forwarded-For": "192.0.2.7"}, source="127.0.0.5")
    rows = ledger(server, delegate=delegate.subdomain)["rows"]
    assert [row["address"] for row in rows] == ["192.0.2.7", "2001:db8::7", "127.0.0.5"]


def test_refused_requests_leave_no_row(shared_locumd):
    delegate = shared_locumd.register()
    shared_locumd.update(delegate, "bad", expect=400)
    shared_locumd.update(delegate, make_txt(), subdomain="x", expect=401)
    rows = ledger(shared_locumd, delegate=delegate.subdomain)["rows"]
    assert [row["kind"] for row in rows] == ["register"]


def test_erasing_addresses_keeps_the_chain(shared_locumd):
    delegate, other = shared_locumd.register(), shared_locumd.register()
    shared_locumd.update(delegate, make_txt())
    before = ledger(shared_locumd, delegate=delegate.subdomain)["rows"]
    answer = shared_locumd.admin("POST", "/admin/ledger/erase", {"delegate": delegate.subdomain})
    assert outcome(answer) == (200, {"erased": 2})
    after = ledger(shared_locumd, delegate=delegate.subdomain)["rows"]
    for old, new in zip(before, after):
        assert new["address"] == new["user_agent"] == new["salt"] == ""
        for key in ("hash", "previous", "commitment", "sequence", "kind", "detail"):
            assert new[key] == old[key]
    assert ledger(shared_locumd, delegate=other.subdomain)["rows"][0]["address"] == "127.0.0.1"
    answer = shared_locumd.admin("POST", "/admin/ledger/erase", {"before_ms": 1})
    assert outcome(answer) == (200, {"erased": 0})


def test_erased_addresses_are_in_no_file(locumd):
    server = locumd()
    mark = "erase-me-if-you-can"
    delegate = server.register(headers={"User-Agent": mark})

    def files_with_mark():
        return [path.name for path in server.data.iterdir() if mark.encode() in path.read_bytes()]

    assert files_with_mark()
    answer = server.admin("POST", "/admin/ledger/erase", {"delegate": delegate.subdomain})
    assert answer.status == 200
    harness.await_condition(lambda: not files_with_mark(), timeout=30)


@pytest.mark.parametrize("query", ["after=x", "limit=0", "limit=x", "limit=-1", "after=-1", "node=x",
                                   "limit=99999999999999999999"])
def test_odd_ledger_queries_are_harmless(shared_locumd, query):
    answer = shared_locumd.admin("GET", "/admin/ledger?" + query)
    assert answer.status in (200, 400), answer
    assert "rows" in answer.json() or "error" in answer.json()


@pytest.mark.parametrize("body", [None, [], "x", {"delegate": 5}, {"before_ms": "x"}, {},
                                  {"delegate": "x", "before_ms": 5}])
def test_odd_erasures_erase_nothing(shared_locumd, body):
    delegate = shared_locumd.register()
    answer = shared_locumd.admin("POST", "/admin/ledger/erase", body)
    assert answer.status in (200, 400, 404), answer
    rows = ledger(shared_locumd, delegate=delegate.subdomain)["rows"]
    assert rows[0]["address"] == "127.0.0.1"


# ---- who may come in ----

@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_other_users_are_forbidden(shared_locumd):
    """Even where the socket's own mode does not keep them out."""
    os.chmod(shared_locumd.admin_socket, 0o666)
    folder, opened = shared_locumd.admin_socket.parent, []
    while folder != folder.parent:
        old = harness.mode(folder)
        if old & 0o005 != 0o005:
            opened.append((folder, old))
            os.chmod(folder, old | 0o005)
        folder = folder.parent
    try:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
                answer = shared_locumd.admin("GET", "/admin/status")
                os.write(writer, struct.pack("!H", answer.status) + answer.body)
            except BaseException as exception:  # the parent shows it
                os.write(writer, repr(exception).encode())
            finally:
                os._exit(0)
        os.close(writer)
        os.waitpid(child, 0)
        data = os.read(reader, 65536)
        os.close(reader)
        assert data == struct.pack("!H", 403) + b'{"error": "forbidden"}'
    finally:
        for folder, old in opened:
            os.chmod(folder, old)
        os.chmod(shared_locumd.admin_socket, 0o660)


@pytest.mark.parametrize("method,path", [("GET", "/"), ("GET", "/admin"), ("GET", "/admin/nothing"),
                                         ("POST", "/register"), ("GET", "/health"),
                                         ("DELETE", "/admin/tokens/1/2")])
def test_unknown_routes_are_not_found(shared_locumd, method, path):
    assert outcome(shared_locumd.admin(method, path)) == NOT_FOUND


@pytest.mark.parametrize("method,path", [("POST", "/admin/status"), ("DELETE", "/admin/tokens"),
                                         ("GET", "/admin/ledger/erase"), ("PUT", "/admin/ledger")])
def test_wrong_methods_are_told(shared_locumd, method, path):
    answer = shared_locumd.admin(method, path)
    assert answer.status in (404, 405)
    assert "error" in answer.json()


def test_erasing_reaches_every_row_of_every_node(locumd):
    """A ledger that takes several portions, and rows of a node that this one once was."""
    server = locumd()
    label = "a" * 36
    server.stop()
    with sqlite3.connect(server.data / "locum.db") as database:
        database.execute("INSERT INTO node (id, name, created_ms) VALUES (2, 'other', 0)")
        for node, rows in ((1, 25000), (2, 10001)):
            count = f"WITH RECURSIVE row(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM row WHERE n < {rows})"
            database.execute(f"INSERT INTO ledger {count} SELECT ?, n, n, 'update', '', CASE n % 5 WHEN 0 THEN ?"
                             " ELSE 'b' END, '', '', 0, x'', x'', x'', zeroblob(32) FROM row", (node, label))
            database.execute(f"INSERT INTO ledger_private {count} SELECT ?, n, x'', '192.0.2.1', '' FROM row",
                             (node,))
    server.start()
    answer = server.admin("POST", "/admin/ledger/erase", {"delegate": label})
    assert outcome(answer) == (200, {"erased": 7000})
    answer = server.admin("POST", "/admin/ledger/erase", {"before_ms": 20001})
    assert outcome(answer) == (200, {"erased": (20000 + 10001) // 5 * 4 + 1})
    with sqlite3.connect(server.data / "locum.db") as database:
        left = database.execute("SELECT count(*), min(sequence) FROM ledger_private WHERE address <> 'local'")
        assert left.fetchone() == (4000, 20001)
