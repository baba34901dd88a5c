"""The acme-dns contract: POST /update, its credentials and where they may be used from."""
import json
import re
import uuid

import pytest

import harness
import oracle
from harness import COMPAT, basic_auth, make_txt

FORBIDDEN = b'{"error": "forbidden"}'
BAD_TXT = b'{"error": "bad_txt"}'
TXT = make_txt("update")


def post(server, prefix, body, headers):
    answer = server.http("POST", prefix + "/update", body, headers)
    assert answer.header("Content-Type") == "application/json"
    assert answer.header("WWW-Authenticate") is None
    return answer


def outcome(answer):
    return answer.status, answer.body


# ---- success ----

@pytest.mark.parametrize("number", range(3))
def test_answer_has_one_space_and_the_value_in_quotes(shared_locumd, prefix, delegate, number):
    txt = make_txt(f"{prefix}{number}")
    answer = post(shared_locumd, prefix, {"subdomain": delegate.subdomain, "txt": txt},
                  delegate.headers)
    assert outcome(answer) == (200, b'{"txt": "' + txt.encode() + b'"}')
    assert shared_locumd.txt(delegate.fulldomain)[-1:] == [txt]
    assert txt in shared_locumd.txt(delegate.fulldomain, tcp=True)


@pytest.mark.parametrize("txt", ["A" * 43, "-" * 43, "_" * 43, "0123456789" * 4 + "-_x",
                                 "LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM"])
def test_every_43_characters_of_the_alphabet_are_a_value(shared_locumd, prefix, delegate, txt):
    answer = post(shared_locumd, prefix, {"subdomain": delegate.subdomain, "txt": txt},
                  delegate.headers)
    assert outcome(answer) == (200, b'{"txt": "' + txt.encode() + b'"}')
    assert txt in shared_locumd.txt(delegate.fulldomain)


def test_credentials_of_one_prefix_work_at_the_others(shared_locumd, prefix, delegate):
    for other in ("",) if oracle.oracle_program() else ("", COMPAT):
        made = shared_locumd.register(prefix=other)
        shared_locumd.update(made, TXT, prefix)


# ---- the body ----

def sent(delegate, form):
    """FORM with the delegate's label for SUB and a value for TXT."""
    form = re.sub(rb"SUB(?!DOMAIN)", delegate.subdomain.encode(), form)
    return form.replace(b"TXT", TXT.encode())


@pytest.mark.parametrize("form", [
    b'{"subdomain":"SUB","txt":"TXT"}\n', b'{"subdomain": "SUB", "txt": "TXT"}',
    b' \r\n\t{ "txt" : "TXT" ,\n "subdomain" : "SUB" }', b'{"SubDomain":"SUB","Txt":"TXT"}',
    b'{"SUBDOMAIN":"SUB","zone":1,"tXt":"TXT"}',
    b'{"subdomain":"SUB","txt":"TXT","unknown":{"a":[1,2,{"b":null}]},"n":-1.5e-7}',
    b'{"number":12345678901234567890,"subdomain":"SUB","txt":"TXT"}',
    b'{"subdomain":"SUB","txt":"TXT"}garbage', b'{"subdomain":"SUB","txt":"TXT"}}',
    b'{"subdomain":"SUB","txt":"TXT"}{"subdomain":"x"}', b'{"subdomain":"SUB","txt":"TXT"},[',
    b'{"\\u0073ubdomain":"SUB","t\\u0078t":"TXT"}',
    b'{"subdomain":"SUB","txt":"TXT","allowfrom":"x"}', b'{"allowfrom":"x","subdomain":"SUB","txt":"TXT"}',
    b'{"allowfrom":[1,"junk",null],"subdomain":"SUB","txt":"TXT"}',
    b'{"password":5,"subdomain":"SUB","txt":"TXT"}', b'{"password":[{}],"subdomain":"SUB","txt":"TXT"}',
    b'{"username":null,"subdomain":"SUB","txt":"TXT"}', b'{"username":5,"subdomain":"SUB","txt":"TXT"}',
    b'{"username":{},"subdomain":"SUB","txt":"TXT"}', b'{"username":[],"subdomain":"SUB","txt":"TXT"}',
    b'{"subdomain":"SUB","txt":"TXT","username":"junk"}',
    b'{"username":"c36f50e8-4632-44f0-83fe-e070fef28a10","subdomain":"SUB","txt":"TXT"}'])
def test_bodies_that_update(shared_locumd, prefix, delegate, form):
    answer = post(shared_locumd, prefix, sent(delegate, form), delegate.headers)
    assert outcome(answer) == (200, b'{"txt": "' + TXT.encode() + b'"}')
    assert shared_locumd.txt(delegate.fulldomain) == [TXT]


def test_escapes_are_decoded(shared_locumd, prefix, delegate):
    escaped = "".join(f"\\u{ord(c):04x}" for c in delegate.subdomain)
    value = "".join(f"\\u{ord(c):04X}" for c in TXT)
    body = f'{{"subdomain":"{escaped}","txt":"{value}"}}'
    answer = post(shared_locumd, prefix, body, delegate.headers)
    assert outcome(answer) == (200, b'{"txt": "' + TXT.encode() + b'"}')


@pytest.mark.parametrize("form", [
    b"", b" ", b"null", b"[]", b'"SUB"', b"5", b"{}", b"{", b"subdomain=SUB&txt=TXT", b"\xef\xbb\xbf" +
    b'{"subdomain":"SUB","txt":"TXT"}', b'{"txt":"TXT"}', b'{"subdomain":"SUB","txt":"TXT"',
    b'{"subdomain":"SUB","txt":"TXT",}', b'{"subdomain":"SUB" "txt":"TXT"}',
    b'{"subdomain":null,"txt":"TXT"}', b'{"subdomain":5,"txt":"TXT"}', b'{"subdomain":["SUB"],"txt":"TXT"}',
    b'{"subdomain":"","txt":"TXT"}', b'{"subdomain":"SUB.auth.example.org","txt":"TXT"}',
    b'{"subdomain":"SUB.","txt":"TXT"}', b'{"subdomain":" SUB","txt":"TXT"}',
    b'{"subdomain":"xSUB","txt":"TXT"}', b'{"subdomain":"SUB\\u0000","txt":"TXT"}',
    b'{"sub_domain":"SUB","txt":"TXT"}', b'[{"subdomain":"SUB","txt":"TXT"}]',
    b'{"username":"junk","subdomain":"SUB","txt":"TXT"}', b'{"username":"","subdomain":"SUB","txt":"TXT"}',
    b'{"subdomain":"*","txt":"TXT"}', b'{"subdomain":"%","txt":"TXT"}',
    b'{"subdomain":"_acme-challenge","txt":"TXT"}', b'{"subdomain":"@","txt":"TXT"}',
    b"{'subdomain':'SUB','txt':'TXT'}", b'garbage{"subdomain":"SUB","txt":"TXT"}'])
def test_bodies_that_are_forbidden(shared_locumd, prefix, delegate, form):
    answer = post(shared_locumd, prefix, sent(delegate, form), delegate.headers)
    assert outcome(answer) == (401, FORBIDDEN)
    if not oracle.oracle_program():  # there an empty delegate is a name that does not exist
        assert shared_locumd.txt(delegate.fulldomain) == []


def test_subdomain_is_compared_with_case(shared_locumd, prefix, delegate):
    answer = post(shared_locumd, prefix, {"subdomain": delegate.subdomain.upper(), "txt": TXT},
                  delegate.headers)
    assert outcome(answer) == (401, FORBIDDEN)


@pytest.mark.mended
@pytest.mark.parametrize("form", [
    b'{"subdomain":"SUB","subdomain":"SUB","txt":"TXT"}', b'{"subdomain":"SUB","txt":"TXT","txt":"TXT"}',
    b'{"subdomain":"SUB","SubDomain":"SUB","txt":"TXT"}', b'{"subdomain":"SUB","txt":"TXT","TXT_":"TXT"}',
    b'{"subdomain":"other","SUBDOMAIN":"SUB","txt":"TXT"}'])
def test_a_key_given_twice_is_forbidden(shared_locumd, prefix, delegate, form):
    body = sent(delegate, form.replace(b'"TXT_"', b'"Txt"'))
    answer = post(shared_locumd, prefix, body, delegate.headers)
    assert outcome(answer) == (401, FORBIDDEN)
    assert shared_locumd.txt(delegate.fulldomain) == []


@pytest.mark.parametrize("value", [
    None, "", "x", "a" * 42, "a" * 44, "a" * 86, "a" * 42 + "=", "a" * 42 + "+", "a" * 42 + "/",
    "a" * 42 + ".", "a" * 42 + " ", " " + "a" * 42, "a" * 42 + "\n", "a" * 42 + "\u00e9",
    "a" * 41 + "\u00e9", "\u00e9" * 43, "a" * 42 + "\"", "a" * 42 + "\\", "a" * 60000, 5, 1.5, True,
    [TXT], {"txt": TXT}])
def test_value_of_another_form_is_bad_txt(shared_locumd, prefix, delegate, value):
    """S6: nothing but what a DNS-01 challenge needs can be published."""
    answer = post(shared_locumd, prefix, {"subdomain": delegate.subdomain, "txt": value},
                  delegate.headers)
    assert outcome(answer) == (400, BAD_TXT)
    if not oracle.oracle_program():
        assert shared_locumd.txt(delegate.fulldomain) == []


def test_what_stands_behind_a_bad_username_does_not_count(shared_locumd, prefix, delegate):
    body = f'{{"subdomain":"{delegate.subdomain}","username":"junk","txt":"{TXT}"}}'
    assert outcome(post(shared_locumd, prefix, body, delegate.headers)) == (400, BAD_TXT)


def test_missing_value_is_bad_txt(shared_locumd, prefix, delegate):
    answer = post(shared_locumd, prefix, {"subdomain": delegate.subdomain}, delegate.headers)
    assert outcome(answer) == (400, BAD_TXT)


# ---- the order of the checks: credentials, then the subdomain, then the value ----

def test_wrong_credentials_hide_what_else_is_wrong(shared_locumd, prefix, delegate):
    wrong = {"X-Api-User": delegate.username, "X-Api-Key": "x" * 40}
    for body in (b"", b"junk", {"subdomain": delegate.subdomain, "txt": "bad"},
                 {"subdomain": "x", "txt": TXT}, {"subdomain": delegate.subdomain, "txt": TXT}):
        assert outcome(post(shared_locumd, prefix, body, wrong)) == (401, FORBIDDEN)


def test_wrong_subdomain_hides_a_bad_value(shared_locumd, prefix, delegate):
    answer = post(shared_locumd, prefix, {"subdomain": "x", "txt": "bad"}, delegate.headers)
    assert outcome(answer) == (401, FORBIDDEN)


# ---- the credentials in headers ----

def user_forms(text):
    return [text, text.upper(), "{" + text + "}", "{" + text.upper() + "}", "urn:uuid:" + text,
            "URN:UUID:" + text.upper(), text.replace("-", ""), text.replace("-", "").upper(),
            "  " + text + "\t "]


@pytest.mark.parametrize("form", range(9))
def test_forms_of_the_user(shared_locumd, prefix, delegate, form):
    headers = {"X-Api-User": user_forms(delegate.username)[form], "X-Api-Key": delegate.password}
    answer = post(shared_locumd, prefix, {"subdomain": delegate.subdomain, "txt": TXT}, headers)
    assert answer.status == 200, (headers, answer)


@pytest.mark.parametrize("names", [("x-api-user", "x-api-key"), ("X-API-USER", "X-API-KEY"),
                                   ("X-aPi-UsEr", "x-ApI-kEy")])
def test_header_names_have_no_case(shared_locumd, prefix, delegate, names):
    headers = {names[0]: delegate.username, names[1]: " " + delegate.password + "  "}
    answer = post(shared_locumd, prefix, {"subdomain": delegate.subdomain, "txt": TXT}, headers)
    assert answer.status == 200


def broken_credentials(delegate):
    user, key = delegate.username, delegate.password
    flipped = key[:-1] + ("A" if key[-1] != "A" else "B")
    return [
        {}, {"X-Api-User": user}, {"X-Api-Key": key}, {"X-Api-User": "", "X-Api-Key": ""},
        {"X-Api-User": user, "X-Api-Key": ""}, {"X-Api-User": "", "X-Api-Key": key},
        {"X-Api-User": user, "X-Api-Key": flipped}, {"X-Api-User": user, "X-Api-Key": key[:-1]},
        {"X-Api-User": user, "X-Api-Key": key + "A"}, {"X-Api-User": user, "X-Api-Key": key.swapcase()},
        {"X-Api-User": user, "X-Api-Key": key[:-1] + "="}, {"X-Api-User": user, "X-Api-Key": "A" * 40},
        {"X-Api-User": str(uuid.uuid4()), "X-Api-Key": key},
        {"X-Api-User": user[:-1], "X-Api-Key": key}, {"X-Api-User": user + "0", "X-Api-Key": key},
        {"X-Api-User": user[:-1] + "g", "X-Api-Key": key}, {"X-Api-User": "{" + user, "X-Api-Key": key},
        {"X-Api-User": user.replace("-", "_"), "X-Api-Key": key},
        {"X-Api-User": "uuid:" + user, "X-Api-Key": key},
        {"X-Api-User": user[:8] + user[9:], "X-Api-Key": key},
        {"X-Api-User": delegate.subdomain, "X-Api-Key": key},
        {"X-Api-User": key, "X-Api-Key": user}, {"X-Api-User": "admin", "X-Api-Key": key},
        {"X-Api-User": "x" * 8000, "X-Api-Key": key}, {"X-Api-User": user, "X-Api-Key": "x" * 8000},
        {"X-Api-User": "' OR '1'='1", "X-Api-Key": key}, {"X-Api-User": "%", "X-Api-Key": key},
        {"X-Api-User": "00000000-0000-0000-0000-000000000000", "X-Api-Key": key}]


@pytest.mark.parametrize("case", range(28))
def test_broken_credentials_are_forbidden(shared_locumd, prefix, delegate, case):
    headers = broken_credentials(delegate)[case]
    answer = post(shared_locumd, prefix, {"subdomain": delegate.subdomain, "txt": TXT}, headers)
    assert outcome(answer) == (401, FORBIDDEN)


def test_every_broken_credential_has_a_case(delegate):
    assert len(broken_credentials(delegate)) == 28


def test_credentials_in_query_or_body_do_not_count(shared_locumd, prefix, delegate):
    body = {"subdomain": delegate.subdomain, "txt": TXT, "username": delegate.username,
            "password": delegate.password}
    path = f"{prefix}/update?X-Api-User={delegate.username}&X-Api-Key={delegate.password}"
    assert outcome(shared_locumd.http("POST", path, body)) == (401, FORBIDDEN)


@pytest.mark.mended
def test_repeated_credential_headers_never_help_an_attacker(shared_locumd, delegate):
    """The first one counts (Go does the same); what matters is that both readers agree."""
    other = shared_locumd.register()
    body = json.dumps({"subdomain": other.subdomain, "txt": TXT}).encode()
    data = (f"POST /update HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Api-User: {delegate.username}\r\n"
            f"X-Api-User: {other.username}\r\nX-Api-Key: {delegate.password}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body
    answer, = shared_locumd.raw(data, count=None)
    assert answer.status in (400, 401)
    assert shared_locumd.txt(other.fulldomain) == []


# ---- HTTP Basic ----

@pytest.mark.mended
def test_basic_is_taken_like_the_headers(shared_locumd, prefix, delegate):
    for form in user_forms(delegate.username)[:8]:
        if form.lower().startswith("urn:"):
            continue  # a user name ends at the first colon
        for scheme in ("Basic", "basic", "BASIC"):
            word = basic_auth(form, delegate.password)["Authorization"].split()[1]
            answer = post(shared_locumd, prefix, {"subdomain": delegate.subdomain, "txt": TXT},
                          {"Authorization": f"{scheme} {word}"})
            assert answer.status == 200, (form, scheme, answer)


@pytest.mark.mended
def test_headers_win_over_basic(shared_locumd, prefix, delegate):
    other = shared_locumd.register()
    body = {"subdomain": delegate.subdomain, "txt": TXT}
    good, bad = delegate.basic, other.basic
    assert post(shared_locumd, prefix, body, dict(delegate.headers, **bad)).status == 200
    for headers in (other.headers, {"X-Api-User": delegate.username},
                    {"X-Api-Key": delegate.password},
                    {"X-Api-User": delegate.username, "X-Api-Key": "x" * 40}):
        answer = post(shared_locumd, prefix, body, dict(headers, **good))
        assert outcome(answer) == (401, FORBIDDEN), headers


@pytest.mark.mended
def test_empty_basic_is_ignored(shared_locumd, prefix, delegate):
    body = {"subdomain": delegate.subdomain, "txt": TXT}
    for empty in ("Basic Og==", "Basic ", "Basic"):
        headers = dict(delegate.headers, Authorization=empty)
        assert post(shared_locumd, prefix, body, headers).status == 200
        assert outcome(post(shared_locumd, prefix, body, {"Authorization": empty})) == (401, FORBIDDEN)


@pytest.mark.mended
@pytest.mark.parametrize("make", [
    lambda d: "Basic " + d.username, lambda d: "Basic !!!!", lambda d: "Bearer " + d.password,
    lambda d: basic_auth(d.username, "")["Authorization"],
    lambda d: basic_auth("", d.password)["Authorization"],
    lambda d: basic_auth(d.username, d.password + ":")["Authorization"],
    lambda d: basic_auth(d.username + ":" + d.password, "")["Authorization"],
    lambda d: basic_auth(d.password, d.username)["Authorization"],
    lambda d: basic_auth(d.username, d.password.lower() + "x")["Authorization"],
    lambda d: "Digest " + basic_auth(d.username, d.password)["Authorization"].split()[1],
    lambda d: basic_auth(d.username, d.password)["Authorization"] + "=AAAA",
    lambda d: "Basic" + basic_auth(d.username, d.password)["Authorization"].split()[1]])
def test_broken_basic_is_forbidden(shared_locumd, prefix, delegate, make):
    answer = post(shared_locumd, prefix, {"subdomain": delegate.subdomain, "txt": TXT},
                  {"Authorization": make(delegate)})
    assert outcome(answer) == (401, FORBIDDEN)


# ---- allowfrom ----

@pytest.fixture(scope="module")
def proxied():
    """A server that takes the client's address from X-Forwarded-For when 127.0.0.1 asks."""
    if oracle.oracle_program():
        with oracle.AcmeDns(trusted=True) as server:
            yield server
        return
    with harness.Locumd(dns={"listen": ["127.0.0.1:0"]},
                        api={"trusted-proxies": ["127.0.0.1/32", "203.0.113.0/24", "2001:db8:ff::/48"]}
                        ) as server:
        yield server


def allowed(server, allowfrom, forwarded, **options):
    """Whether an update is let through for a delegate with ALLOWFROM when the proxy says FORWARDED."""
    key = tuple(allowfrom)
    made = server.__dict__.setdefault("made", {})
    if key not in made:
        made[key] = server.register({"allowfrom": list(allowfrom)})
    delegate = made[key]
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    answer = server.http("POST", "/update", {"subdomain": delegate.subdomain, "txt": TXT},
                         dict(delegate.headers, **headers), **options)
    assert outcome(answer) in ((200, b'{"txt": "' + TXT.encode() + b'"}'), (401, FORBIDDEN))
    return answer.status == 200


@pytest.mark.parametrize("allowfrom,client,expected", [
    ([], "192.0.2.1", True), ([], "2001:db8::1", True),
    (["192.0.2.0/24"], "192.0.2.1", True), (["192.0.2.0/24"], "192.0.3.1", False),
    (["192.0.2.77/24"], "192.0.2.1", True),
    (["192.0.2.1/32"], "192.0.2.1", True), (["192.0.2.1/32"], "192.0.2.2", False),
    (["192.0.2.0/31"], "192.0.2.1", True), (["192.0.2.0/31"], "192.0.2.2", False),
    (["10.0.0.0/8", "192.0.2.1/32"], "192.0.2.1", True),
    (["10.0.0.0/8", "192.0.2.1/32"], "10.255.255.255", True),
    (["10.0.0.0/8", "192.0.2.1/32"], "11.0.0.0", False),
    (["0.0.0.0/0"], "192.0.2.1", True), (["0.0.0.0/0"], "2001:db8::1", False),
    (["::/0"], "2001:db8::1", True), (["::/0"], "192.0.2.1", False),
    (["::/0", "0.0.0.0/0"], "192.0.2.1", True),
    (["2001:db8::/32"], "2001:db8:ffff::1", True), (["2001:db8::/32"], "2001:db9::1", False),
    (["2001:db8::1/128"], "2001:0DB8:0:0::1", True), (["2001:db8::1/128"], "2001:db8::2", False),
    (["2001:db8::/33"], "2001:db8:8000::1", False),
    (["[2001:db8::]/32"], "2001:db8::1", True),
    (["::ffff:192.0.2.1/128"], "192.0.2.1", True), (["::ffff:192.0.2.1/128"], "192.0.2.2", False),
    (["::ffff:0:0/96"], "192.0.2.1", True),
    (["192.0.2.1/32"], "::ffff:192.0.2.1", True), (["192.0.2.1/32"], "::ffff:192.0.2.2", False),
    (["192.0.2.1/32"], "192.0.2.1:5678", False), (["2001:db8::/32"], "[2001:db8::1]", False),
    (["192.0.2.1/32"], "junk", False), (["192.0.2.1/32"], "192.0.2.01", False),
    (["192.0.2.1/32"], "  192.0.2.1  ", True), (["192.0.2.1/32"], "192.0.2.1,", True),
    (["192.0.2.1/32"], "unknown", False), (["127.0.0.0/8"], "unknown", False),
    (["127.0.0.1/32"], "junk", False), (["0.0.0.0/0", "::/0"], "junk", False), ([], "junk", True)])
def test_allowfrom_matching(proxied, allowfrom, client, expected):
    assert allowed(proxied, allowfrom, client) is expected


@pytest.mark.mended
@pytest.mark.parametrize("forwarded,expected", [
    ("192.0.2.1, 198.51.100.1", False), ("198.51.100.1, 192.0.2.1", True),
    ("192.0.2.1, 203.0.113.5", True), ("192.0.2.1, 203.0.113.5, 203.0.113.6", True),
    ("192.0.2.1, 2001:db8:ff::1", True), ("192.0.2.1, 198.51.100.1, 203.0.113.5", False),
    ("192.0.2.1,198.51.100.1,192.0.2.1,203.0.113.5", True), ("junk, 192.0.2.1", True),
    ("192.0.2.1, junk", False), ("192.0.2.1, junk, 203.0.113.5", False)])
def test_only_the_nearest_untrusted_hop_counts(proxied, forwarded, expected):
    assert allowed(proxied, ["192.0.2.1/32"], forwarded) is expected


@pytest.mark.mended
def test_lines_of_the_header_are_one_list(proxied):
    delegate = proxied.register({"allowfrom": ["192.0.2.1/32"]})
    body = json.dumps({"subdomain": delegate.subdomain, "txt": TXT}).encode()
    for lines, status in ((["198.51.100.1", "192.0.2.1"], 200), (["192.0.2.1", "198.51.100.1"], 401),
                          (["192.0.2.1", "203.0.113.9"], 200)):
        forwarded = "".join(f"X-Forwarded-For: {line}\r\n" for line in lines)
        data = (f"POST /update HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                f"X-Api-User: {delegate.username}\r\nX-Api-Key: {delegate.password}\r\n{forwarded}"
                f"Content-Length: {len(body)}\r\n\r\n").encode() + body
        answer, = proxied.raw(data, count=None)
        assert answer.status == status, lines


@pytest.mark.mended
def test_without_the_header_the_proxy_itself_is_the_client(proxied):
    assert allowed(proxied, ["192.0.2.1/32"], None) is False
    assert allowed(proxied, ["127.0.0.1/32"], None) is True


def test_register_is_never_limited_by_allowfrom(proxied):
    answer = proxied.http("POST", "/register", {"allowfrom": ["192.0.2.1/32"]},
                          {"X-Forwarded-For": "198.51.100.1"})
    assert answer.status == 201


@pytest.mark.mended
def test_an_untrusted_peer_speaks_only_for_itself(proxied):
    assert allowed(proxied, ["192.0.2.1/32"], "192.0.2.1", source="127.0.0.2") is False
    assert allowed(proxied, ["127.0.0.2/32"], "192.0.2.1", source="127.0.0.2") is True
    assert allowed(proxied, ["127.0.0.2/32"], "127.0.0.2", source="127.0.0.3") is False


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "CF-Connecting-IP",
                                    "True-Client-IP", "X-Client-IP"])
def test_no_header_is_believed_without_trusted_proxies(shared_locumd, prefix, header):
    for forged in ("192.0.2.1", "for=192.0.2.1"):
        headers = {header: forged}
        delegate = shared_locumd.register({"allowfrom": ["192.0.2.1/32"]}, prefix)
        shared_locumd.update(delegate, TXT, prefix, headers, expect=401)
        delegate = shared_locumd.register({"allowfrom": ["127.0.0.0/8"]}, prefix)
        shared_locumd.update(delegate, TXT, prefix, headers)


@pytest.mark.parametrize("allowfrom,expected", [
    ("127.0.0.1/32", True), ("127.0.0.1/8", True), ("127.0.0.0/31", True), ("127.0.0.2/32", False),
    ("::ffff:127.0.0.1/128", True), ("::ffff:0:0/96", True), ("0.0.0.0/0", True), ("::/0", False),
    ("::1/128", False), ("[::1]/128", False)])
def test_allowfrom_against_the_peer(shared_locumd, prefix, allowfrom, expected):
    delegate = shared_locumd.register({"allowfrom": [allowfrom]}, prefix)
    answer = shared_locumd.update(delegate, TXT, prefix, expect=200 if expected else 401)
    if not expected:
        assert answer.body == FORBIDDEN


@pytest.mark.skipif(not harness.has_ipv6(), reason="no IPv6 here")
def test_allowfrom_against_an_ipv6_peer(locumd):
    server = locumd(api={"listen": ["[::1]:0"]})
    for allowfrom, status in (("::1/128", 200), ("[::1]/128", 200), ("::/0", 200), ("0.0.0.0/0", 401),
                              ("127.0.0.1/32", 401)):
        delegate = server.register({"allowfrom": [allowfrom]})
        server.update(delegate, TXT, expect=status)


@pytest.mark.skipif(not harness.has_ipv6(), reason="no IPv6 here")
def test_ipv4_client_of_a_dual_stack_socket_is_ipv4(locumd):
    """Where one socket takes both families, the client must not be seen as ::ffff:127.0.0.1 only."""
    server = locumd(api={"listen": ["127.0.0.1:0", "[::]:0"]})
    ports = {host: port for host, port in server.api_addresses}
    server.ready["api"] = f"127.0.0.1:{ports['::']}"
    delegate = server.register({"allowfrom": ["127.0.0.1/32"]}) if reachable(server) else None
    if delegate:
        server.update(delegate, TXT)


def reachable(server):
    try:
        return server.http("GET", "/health").status == 200
    except OSError:
        return False  # IPv6 only, as [::] may well mean


@pytest.mark.mended
def test_allowfrom_binds_clear_and_values_too(shared_locumd):
    delegate = shared_locumd.register({"allowfrom": ["192.0.2.1/32"]})
    answer = shared_locumd.http("POST", "/api/v1/clear", {"subdomain": delegate.subdomain},
                                delegate.headers)
    assert outcome(answer) == (401, FORBIDDEN)
    answer = shared_locumd.http("GET", "/api/v1/values", headers=delegate.headers)
    assert outcome(answer) == (401, FORBIDDEN)
