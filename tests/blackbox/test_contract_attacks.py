"""S5, S6, S32: nobody but the holder of a delegate's key changes that delegate, by any door."""
import json
import secrets
import struct
import uuid

import dns.rcode
import dns.update
import pytest

import harness
from harness import COMPAT, basic_auth, make_txt

pytestmark = pytest.mark.mended  # these use doors that acme-dns does not have

TXT = make_txt("attack")
PRIOR = make_txt("prior")


@pytest.fixture
def victim(shared_locumd):
    delegate = shared_locumd.register()
    shared_locumd.update(delegate, PRIOR)
    yield delegate
    assert shared_locumd.values(delegate) == [PRIOR]
    assert shared_locumd.txt(delegate.fulldomain) == [PRIOR]


@pytest.fixture
def attacker(shared_locumd):
    return shared_locumd.register()


@pytest.mark.parametrize("prefix", ["", COMPAT])
def test_key_of_one_delegate_does_not_reach_another(shared_locumd, prefix, victim, attacker):
    for subdomain in (victim.subdomain, victim.fulldomain, victim.subdomain.upper(),
                      f"{victim.subdomain}.{attacker.subdomain}", f"{attacker.subdomain}\0{victim.subdomain}",
                      f"{attacker.subdomain}.{victim.subdomain}"):
        answer = shared_locumd.update(attacker, TXT, prefix, subdomain=subdomain, expect=401)
        assert answer.body == b'{"error": "forbidden"}'


@pytest.mark.parametrize("prefix", ["", COMPAT])
def test_user_of_one_with_the_key_of_another(shared_locumd, prefix, victim, attacker):
    for user, key in ((victim.username, attacker.password), (victim.username, victim.username),
                      (victim.subdomain, attacker.password), (victim.username, "")):
        for headers in ({"X-Api-User": user, "X-Api-Key": key}, basic_auth(user, key)):
            answer = shared_locumd.http("POST", prefix + "/update",
                                        {"subdomain": victim.subdomain, "txt": TXT}, headers)
            assert (answer.status, answer.body) == (401, b'{"error": "forbidden"}')


def test_own_key_beside_a_foreign_one_does_not_mix(shared_locumd, victim, attacker):
    body = {"subdomain": victim.subdomain, "txt": TXT, "username": victim.username}
    answer = shared_locumd.http("POST", "/update", body, dict(attacker.headers, **basic_auth(
        victim.username, attacker.password)))
    assert answer.status == 401


INJECTIONS = ["' OR '1'='1", "'; DROP TABLE keys; --", "\" OR 1=1 --", "%", "_", "*", "\\", "$(id)",
              "{{7*7}}", "../../etc/passwd", "\u0000", "\ud83d\ude00", "a" * 5000, "<script>", "\r\nX: y"]


@pytest.mark.parametrize("text", INJECTIONS, ids=range(len(INJECTIONS)))
def test_injections_stay_text(shared_locumd, victim, attacker, text):
    for field in ("subdomain", "txt", "username", "password", "domain"):
        body = {"subdomain": attacker.subdomain, "txt": TXT, field: text}
        answer = shared_locumd.http("POST", "/update", json.dumps(body), attacker.headers)
        assert answer.status in (200, 400, 401), answer
        answer = shared_locumd.http("POST", "/register", json.dumps({"allowfrom": [text]}))
        assert answer.status == 400
        answer = shared_locumd.http("POST", "/register", json.dumps({"domain": text}))
        assert answer.status in (201, 400)
    if "\n" not in text and "\0" not in text and text.isascii():
        answer = shared_locumd.http("POST", "/update", {"subdomain": victim.subdomain, "txt": TXT},
                                    {"X-Api-User": text, "X-Api-Key": text})
        assert answer.status == 401
    assert shared_locumd.http("GET", "/health").status == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost", "127.0.0.1", "auth.example.org:443",
                                  "a" * 200 + ".example"],
                         ids=["foreign", "localhost", "address", "port", "long"])
def test_forged_host_changes_nothing(shared_locumd, victim, host):
    data = f"POST /register HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    answer, = shared_locumd.raw(data.encode())
    assert answer.status == 201
    assert answer.json()["server_url"] == "https://auth.example.org" + COMPAT
    assert answer.json()["fulldomain"].endswith(".auth.example.org")
    answer, = shared_locumd.raw(data.replace("POST /", "POST //").encode())
    assert (answer.status, answer.header("Location")) == (307, "/register")


@pytest.mark.parametrize("field", ["X-Api-User", "X-Api-Key", "X-Forwarded-For", "Origin",
                                   "User-Agent", "X-Registration-Token", "Authorization"])
def test_odd_bytes_in_headers_are_harmless(shared_locumd, victim, field):
    for value in (b"\xff\xfe\x80", b"%s%n%x" * 20, b"a" * 4000, b"\x01", b"\t\t", b"\"'`;|&"):
        data = (b"POST /update HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n" +
                field.encode() + b": " + value + b"\r\n\r\n{}")
        answer, = shared_locumd.raw(data, count=None)
        assert answer.status in (400, 401), answer


def test_answer_never_reflects_a_header_line(shared_locumd):
    for path in ("//register?%0d%0aX-Evil:1", "/register/%0d%0aX-Evil:1"):
        answer = shared_locumd.http("POST", path)
        assert answer.header("X-Evil") is None
    data = (b"GET /health HTTP/1.1\r\nHost: x\r\nOrigin: https://a\rX-Evil: 1\r\n"
            b"Connection: close\r\n\r\n")
    answer, = shared_locumd.raw(data, count=None)
    assert answer.header("X-Evil") is None


def test_cross_site_form_with_a_cached_basic_cannot_be_asked_for(shared_locumd, victim):
    """No answer makes a browser ask its user for a password, so it has none to send along."""
    for path in ("/update", "/register", "/api/v1/clear", "/api/v1/values", COMPAT + "/update"):
        for method in ("GET", "POST"):
            answer = shared_locumd.http(method, path, b"x" if method == "POST" else None)
            assert answer.header("WWW-Authenticate") is None


def test_guessing_keys_leaves_the_delegate_alone(shared_locumd, victim):
    for _ in range(300):
        answer = shared_locumd.http("POST", "/update", {"subdomain": victim.subdomain, "txt": TXT},
                                    {"X-Api-User": victim.username,
                                     "X-Api-Key": secrets.token_urlsafe(30)})
        assert answer.status in (401, 429)
    assert shared_locumd.update(victim, PRIOR).status == 200  # the holder is not locked out


def test_dns_update_is_not_implemented_and_changes_nothing(shared_locumd, victim):
    message = dns.update.UpdateMessage(harness.ZONE)
    message.replace(victim.subdomain, 1, "TXT", TXT)
    for tcp in (False, True):
        answer = shared_locumd.query(None, message=message, tcp=tcp)
        assert answer.rcode() == dns.rcode.NOTIMP


@pytest.mark.parametrize("rdtype", ["AXFR", "IXFR"])
def test_zone_is_not_handed_out(shared_locumd, victim, rdtype):
    for name in (harness.ZONE, victim.fulldomain, "org", "."):
        with shared_locumd.dns_connection() as sock:
            query = harness.wire_query(name, rdtype)
            sock.sendall(harness.frame(query))
            answer = harness.read_frame(sock)
        assert struct.unpack("!H", answer[2:4])[0] & 15 == dns.rcode.REFUSED
        assert struct.unpack("!HHH", answer[6:12]) == (0, 0, 0)


def test_a_label_is_never_given_twice(shared_locumd):
    seen = [shared_locumd.register() for _ in range(100)]
    assert len({d.subdomain for d in seen}) == 100
    assert not {d.subdomain for d in seen} & {d.username for d in seen}


def test_registration_cannot_choose_its_label_or_key(shared_locumd, victim):
    made = shared_locumd.register({"subdomain": victim.subdomain, "username": victim.username,
                                   "password": victim.password, "txt": TXT,
                                   "fulldomain": victim.fulldomain})
    assert made.subdomain != victim.subdomain
    assert made.username != victim.username
    assert made.password != victim.password
    assert shared_locumd.txt(made.fulldomain) == []


def test_public_door_has_no_operator_routes(shared_locumd, victim):
    for path in ("/admin/status", "/admin/tokens", "/admin/ledger", f"/admin/delegates/{victim.subdomain}",
                 "/api/v1/admin/status", COMPAT + "/admin/status", "//admin/status"):
        for method in ("GET", "POST", "DELETE"):
            answer = shared_locumd.http(method, path, headers=victim.headers)
            assert answer.status == 404, (method, path)


def test_same_answer_for_unknown_user_and_wrong_key(shared_locumd, victim):
    body = {"subdomain": victim.subdomain, "txt": TXT}
    unknown = shared_locumd.http("POST", "/update", body, {"X-Api-User": str(uuid.uuid4()),
                                                           "X-Api-Key": "x" * 40})
    wrong = shared_locumd.http("POST", "/update", body, {"X-Api-User": victim.username,
                                                         "X-Api-Key": "x" * 40})

    def visible(answer):
        return answer.status, answer.body, [(k, v) for k, v in answer.headers
                                            if k not in ("Date", "X-Request-Id")]
    assert visible(unknown) == visible(wrong)


def test_updates_of_one_delegate_are_limited(locumd):
    """Who holds an API key can't fill the ledger and the disk; others do not notice."""
    daemon = locumd(api={"updates-per-hour": 5})
    busy, other = daemon.register(), daemon.register()
    for number in range(5):
        daemon.update(busy, make_txt(number))
    before = daemon.values(busy)
    answer = daemon.update(busy, TXT, expect=429)
    assert answer.body == b'{"error": "rate_limited"}'
    assert 1 <= int(answer.header("Retry-After")) <= 720
    answer = daemon.http("POST", "/api/v1/clear", {"subdomain": busy.subdomain}, busy.headers)
    assert answer.status == 429
    assert daemon.values(busy) == before
    daemon.update(other, TXT)


def unscramble(number):
    """SplitMix64's finaliser, turned around: what anybody can undo."""
    mask = 2 ** 64 - 1
    for shift, factor in ((31, 0x94d049bb133111eb), (27, 0xbf58476d1ce4e5b9), (30, 1)):
        undone = number
        for _ in range(3):
            undone = number ^ undone >> shift
        number = undone * pow(factor, -1, 2 ** 64) & mask
    return number


def test_request_ids_do_not_count_requests(shared_locumd):
    ids = [int(shared_locumd.http("GET", "/health").header("X-Request-Id")[::-1], 16)
           for _ in range(2)]
    assert abs(unscramble(ids[1]) - unscramble(ids[0])) > 1000
