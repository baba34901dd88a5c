"""The acme-dns contract: POST /register, and who may register."""
import re

import pytest

import harness
from harness import COMPAT, basic_auth

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
HEAD = (r'\{"username":"(?P<username>' + UUID + r')","password":"(?P<password>[A-Za-z0-9_-]{40})"'
        r',"fulldomain":"(?P<full>' + UUID + r')\.auth\.example\.org","subdomain":"(?P<sub>' + UUID +
        r')","allowfrom":\[(?P<allowfrom>[^\]]*)\]')
SERVER_URL = '"server_url":"https://auth.example.org' + COMPAT + '"'
MALFORMED = b'{"error": "malformed_json_payload"}'
BAD_CIDR = b'{"error": "invalid_allowfrom_cidr"}'


def refused(server, prefix, body, word):
    answer = server.http("POST", prefix + "/register", body)
    assert (answer.status, answer.body) == (400, word)
    assert answer.header("Content-Type") == "application/json"


# ---- the answer ----

def test_answer_is_one_compact_line_of_these_keys_in_this_order(shared_locumd, prefix):
    answer = shared_locumd.http("POST", prefix + "/register")
    assert answer.status == 201
    match = re.match(HEAD, answer.body.decode())
    assert match, answer.body
    assert match["full"] == match["sub"] != match["username"]
    assert match["allowfrom"] == ""
    assert answer.body.endswith(b"}") and b"\n" not in answer.body
    assert b"\\" not in answer.body  # sed of acme.sh knows no escapes


@pytest.mark.mended
def test_answer_ends_with_the_server_url_and_never_a_token(shared_locumd, prefix):
    answer = shared_locumd.http("POST", prefix + "/register")
    assert re.fullmatch(HEAD + r',' + re.escape(SERVER_URL) + r'\}', answer.body.decode())
    assert b"/token/" not in answer.body


def test_server_url_keeps_the_path_of_the_public_url(locumd):
    for url in ("https://dns.example.net/acme", "https://dns.example.net:8443"):
        server = locumd(api={"public-url": url})
        fields = server.register().fields
        assert fields["server_url"] == url + COMPAT
        assert server.register(prefix=COMPAT).fields["server_url"] == url + COMPAT


def test_each_registration_is_another_delegate(shared_locumd, prefix):
    made = [shared_locumd.register(prefix=prefix) for _ in range(5)]
    for field in ("username", "password", "subdomain", "fulldomain"):
        assert len({d.fields[field] for d in made}) == 5


def test_zone_name_is_echoed_as_configured(locumd):
    server = locumd(zones=[{"name": "Auth.Example.ORG", "contact": "hostmaster@example.org",
                            "nameservers": ["ns1.example.net"]}])
    delegate = server.register()
    assert delegate.fulldomain == delegate.subdomain + ".Auth.Example.ORG"


# ---- bodies ----

@pytest.mark.parametrize("body", [
    b"", b"{}", b"null", b"null\n", b" \t\r\n{} \r\n", b"  null  ", b'{"unknown":[1,{"a":null}]}',
    b'{"unknown":1.5e3,"other":true,"third":-0.0,"name":"\\u00e9\\n"}',
    b'{"username":null,"password":null,"subdomain":null,"txt":null,"allowfrom":null}',
    b'{"username":"c36f50e8-4632-44f0-83fe-e070fef28a10","password":"x","subdomain":"y","txt":"z"}',
    b'{"UserName":"{C36F50E8-4632-44F0-83FE-E070FEF28A10}"}',
    b'{"username":"urn:uuid:c36f50e8-4632-44f0-83fe-e070fef28a10"}',
    b'{"username":"c36f50e8463244f083fee070fef28a10"}',
    b'{"allowfrom":[]}', b'{"AllowFrom":null}', b'{"allow_from":["junk"]}',
    b'{"number":12345678901234567890,"other":-99999999999999999999999}', b'{"":1}',
    '{"schl\u00fcssel":"\u2028"}'.encode(), b'{"a":"' + b"\\u0041" * 100 + b'"}'])
def test_bodies_that_register(shared_locumd, prefix, body):
    answer = shared_locumd.http("POST", prefix + "/register", body)
    assert answer.status == 201, answer
    fields = answer.json()
    assert fields["allowfrom"] == []
    assert "c36f50e8" not in fields["username"]  # what the client names is not taken over
    assert fields["subdomain"] != "y"


@pytest.mark.parametrize("body", [
    b" ", b"\n", b"\xef\xbb\xbf{}", b"{", b"}", b"{}x", b"{}{}", b"{},", b"null null", b"nul",
    b"NULL", b"[]", b'[{"allowfrom":[]}]', b'"x"', b"1", b"true", b"a=b", b"allowfrom=10.0.0.0/8",
    b'{"allowfrom":"1.2.3.4/32"}', b'{"allowfrom":[1]}', b'{"allowfrom":{}}', b'{"allowfrom":1}',
    b'{"allowfrom":true}', b'{"allowfrom":[[]]}', b'{"allowfrom":[{}]}', b'{"allowfrom":[true]}',
    b'{"AllowFrom":"1.2.3.4/32"}', b'{"ALLOWFROM":[1]}',
    b'{"subdomain":5}', b'{"SubDomain":[]}', b'{"txt":5}', b'{"Txt":false}', b'{"password":{}}',
    b'{"Password":1}', b'{"username":5}', b'{"username":"junk"}', b'{"username":""}',
    b'{"username":"c36f50e8-4632-44f0-83fe-e070fef28a1"}',
    b'{"username":"c36f50e8-4632-44f0-83fe-e070fef28a1g"}', b'{"username":[]}',
    b"{'allowfrom':[]}", b'{"allowfrom":[],}', b'{"allowfrom":["10.0.0.0/8",]}', b"{allowfrom:[]}",
    b'{"a":01}', b'{"a":+1}', b'{"a":.5}', b'{"a":NaN}', b'{"a":"\n"}', b'{"a":"\\x41"}',
    b"// c\n{}", b"{}\x00", b"\x00", b"\xff\xfe{\x00}\x00",
    b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x--"])
def test_bodies_that_are_malformed(shared_locumd, prefix, body):
    refused(shared_locumd, prefix, body, MALFORMED)


@pytest.mark.mended
@pytest.mark.parametrize("body", [
    b'{"allowfrom":[],"allowfrom":["10.0.0.0/8"]}', b'{"allowfrom":[],"AllowFrom":[]}',
    b'{"x":1,"x":1}', b'{"TXT":"a","txt":"a"}', b'{"username":null,"UserName":null}',
    b'{"domain":"a.example","Domain":"b.example"}'])
def test_a_key_given_twice_is_malformed(shared_locumd, prefix, body):
    refused(shared_locumd, prefix, body, MALFORMED)


@pytest.mark.mended
@pytest.mark.parametrize("body", [b'{"x":"\xff"}', b'{"\xc0\x80":1}', b'{"x":"\\u0000"}', b'{"x":"\\ud800"}',
                                  b'{"allowfrom":["10.0.0.0/8\\u0000"]}', b'{"txt":"\xed\xa0\x80"}'])
def test_text_that_is_no_unicode_is_malformed(shared_locumd, prefix, body):
    refused(shared_locumd, prefix, body, MALFORMED)


@pytest.mark.parametrize("body", [b"[" * 60000, b'{"a":' * 10000, b'{"a":' + b"[" * 30000])
def test_endless_nesting_is_malformed_and_harmless(shared_locumd, body):
    refused(shared_locumd, "", body, MALFORMED)
    assert shared_locumd.http("GET", "/health").status == 200


# ---- allowfrom ----

@pytest.mark.parametrize("sent,echoed", [
    (["192.168.100.1/24"], ["192.168.100.1/24"]),
    (["10.0.0.0/8", "2001:db8::/32"], ["10.0.0.0/8", "2001:db8::/32"]),
    (["[2001:db8::1]/64"], ["2001:db8::1/64"]),
    (["[::]/0", "0.0.0.0/0"], ["::/0", "0.0.0.0/0"]),
    (["2001:DB8:0:0::A/128"], ["2001:DB8:0:0::A/128"]),
    (["::ffff:127.0.0.1/128"], ["::ffff:127.0.0.1/128"]),
    (["10.0.0.0/8", "10.0.0.0/8"], ["10.0.0.0/8", "10.0.0.0/8"]),
    (["1.2.3.4/0", "1.2.3.4/32"], ["1.2.3.4/0", "1.2.3.4/32"])])
def test_allowfrom_is_echoed_as_sent_without_brackets(shared_locumd, prefix, sent, echoed):
    for key in ("allowfrom", "AllowFrom", "ALLOWFROM"):
        answer = shared_locumd.http("POST", prefix + "/register", {key: sent})
        assert answer.status == 201, answer
        text = ",".join(f'"{entry}"' for entry in echoed)
        assert f'"allowfrom":[{text}]'.encode() in answer.body


@pytest.mark.parametrize("entry", [
    "1.2.3.4", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/", "10.0.0.0/8 ", " 10.0.0.0/8",
    "", "/8", "010.0.0.1/32", "10.0.0/8", "256.0.0.1/32", "1.2.3.4.5/32", "fe80::1%eth0/64",
    "2001:db8::/129", "2001:db8::", "::1::/64", "12345::/16", "host.example/32", "10.0.0.0/8/8",
    "10.0.0.0/255.0.0.0", "10.0.0.0/8,11.0.0.0/8", "10.0.0.0/08x", "0x0a.0.0.0/8", "\u0661.2.3.4/32",
    "10.0.0.0/\u0668", "10.0.0.0/8\u0000"])
def test_entry_that_is_no_prefix_fails_the_whole_request(shared_locumd, prefix, entry):
    answer = shared_locumd.http("POST", prefix + "/register", {"allowfrom": ["192.0.2.0/24", entry]})
    assert answer.status == 400
    if "\0" not in entry:  # a NUL in JSON may also be called malformed
        assert answer.body == BAD_CIDR


def test_null_entry_is_no_prefix(shared_locumd, prefix):
    refused(shared_locumd, prefix, b'{"allowfrom":[null]}', BAD_CIDR)
    refused(shared_locumd, prefix, b'{"allowfrom":["10.0.0.0/8",null]}', BAD_CIDR)


def test_sixty_four_entries_are_taken(shared_locumd):
    entries = [f"10.{i}.0.0/16" for i in range(64)]
    assert shared_locumd.register({"allowfrom": entries}).fields["allowfrom"] == entries


@pytest.mark.mended
def test_more_entries_than_any_client_sends_are_refused(shared_locumd):
    entries = [f"10.{i // 200}.{i % 200}.0/24" for i in range(1000)]
    answer = shared_locumd.http("POST", "/register", {"allowfrom": entries})
    assert 400 <= answer.status < 500, answer
    assert "error" in answer.json()


# ---- domain ----

@pytest.mark.mended
@pytest.mark.parametrize("domain", [
    "example.com", "Example.COM.", "a.b.c.example.com", "xn--bcher-kva.example", "_foo.example.com",
    "", None])
def test_domain_may_be_offered(shared_locumd, prefix, domain):
    answer = shared_locumd.http("POST", prefix + "/register", {"domain": domain})
    assert answer.status == 201, answer
    assert "domain" not in answer.json()


@pytest.mark.mended
@pytest.mark.parametrize("domain", ["exa mple.com", ".", "..", "a..b", ".example.com", "x" * 64 + ".com",
                                    "a." * 130 + "com", "example.com/", "ex\u00e4mple.com",
                                    "example.com\n"])
def test_domain_that_is_no_name_is_refused(shared_locumd, prefix, domain):
    answer = shared_locumd.http("POST", prefix + "/register", {"domain": domain})
    assert (answer.status, answer.body) == (400, b'{"error": "bad_domain"}')


@pytest.mark.mended
@pytest.mark.parametrize("domain", [5, [], {}, True, ["example.com"]])
def test_domain_of_another_type_is_malformed(shared_locumd, domain):
    answer = shared_locumd.http("POST", "/register", {"domain": domain})
    assert answer.status == 400
    assert answer.json()["error"] in ("malformed_json_payload", "bad_domain")


@pytest.mark.mended
def test_domain_is_kept(shared_locumd):
    delegate = shared_locumd.register({"Domain": "WWW.Example.com"})
    row = shared_locumd.admin("GET", "/admin/delegates/" + delegate.subdomain).json()
    assert [domain["name"].rstrip(".").lower() for domain in row["domains"]] == ["www.example.com"]


# ---- policy: closed ----

@pytest.fixture(scope="module")
def closed():
    import oracle
    if oracle.oracle_program():
        with oracle.AcmeDns(closed=True) as server:
            yield server
        return
    with harness.Locumd(registration={"policy": "closed"}) as server:
        yield server


@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS", "PUT"])
@pytest.mark.parametrize("path", ["/register", "/register/", "//register", "/REGISTER"])
def test_closed_registration_has_no_route(closed, method, path):
    answer = closed.http(method, path)
    assert (answer.status, answer.body) == (404, b"404 page not found\n")
    assert answer.header("Content-Type") == "text/plain; charset=utf-8"


@pytest.mark.mended
def test_closed_registration_takes_no_token(closed):
    token = closed.new_token()[1]
    for path in (COMPAT + "/register", f"/token/{token}/register", f"/token/{token}{COMPAT}/register"):
        answer = closed.http("POST", path)
        assert (answer.status, answer.body) == (404, b"404 page not found\n")
    answer = closed.http("POST", "/register", headers={"X-Registration-Token": token})
    assert answer.status == 404


def test_closed_registration_leaves_the_rest(closed):
    assert closed.http("GET", "/health").status == 200
    assert closed.http("POST", "/update").status == 401


# ---- policy: token ----

@pytest.fixture(scope="module")
def guarded():
    import oracle
    if oracle.oracle_program():
        pytest.skip("acme-dns has no registration tokens")
    with harness.Locumd(registration={"policy": "token"}) as server:
        server.token = server.new_token("guard")[1]
        yield server


def ways(token):
    """Each way to give TOKEN: (prefix of the path, headers)."""
    return [("/token/" + token, {}), ("", {"X-Registration-Token": token}),
            ("", {"x-registration-token": "  " + token + " "}),
            ("", {"Authorization": "Bearer " + token}), ("", {"authorization": "bearer " + token}),
            ("", basic_auth("anyone", token)), ("", basic_auth("", token)),
            ("", basic_auth(token, ""))]


@pytest.mark.parametrize("compat", ["", COMPAT])
def test_token_is_taken_in_every_way(guarded, compat):
    for before, headers in ways(guarded.token):
        answer = guarded.http("POST", before + compat + "/register", headers=headers)
        assert answer.status == 201, (before != "", headers, answer)
        assert guarded.token.encode() not in answer.body


@pytest.mark.parametrize("compat", ["", COMPAT])
def test_missing_or_wrong_token_is_401(guarded, compat):
    other = guarded.token[:-1] + ("A" if guarded.token[-1] != "A" else "B")
    for wrong in (other, "x", guarded.token + "x", guarded.token[:-1], guarded.token.swapcase(),
                  "' OR 1=1 --"):
        before = ways(wrong) if " " not in wrong else ways(wrong)[1:]
        for path, headers in before + [("", {})]:
            answer = guarded.http("POST", path + compat + "/register", headers=headers)
            assert (answer.status, answer.body) == (401, b'{"error": "registration_token_required"}')
            assert answer.header("Content-Type") == "application/json"
            assert answer.header("WWW-Authenticate") is None


def test_token_in_the_query_or_body_does_not_count(guarded):
    answer = guarded.http("POST", "/register?token=" + guarded.token, {"token": guarded.token})
    assert answer.status == 401


def test_token_is_asked_for_before_the_body_is_read(guarded):
    answer = guarded.http("POST", "/register", b"junk")
    assert answer.status in (400, 401)
    answer = guarded.http("POST", "/register", b"junk", {"X-Registration-Token": guarded.token})
    assert (answer.status, answer.body) == (400, MALFORMED)


def test_update_health_and_redirects_work_behind_the_token_path(guarded):
    before = "/token/" + guarded.token
    delegate = guarded.register(prefix=before)
    for prefix in ("", COMPAT, before, before + COMPAT):
        guarded.update(delegate, harness.make_txt(prefix), prefix)
        assert guarded.http("GET", prefix + "/health").status == 200
    answer = guarded.http("POST", before + "//register")
    assert (answer.status, answer.header("Location")) == (307, before + "/register")


def test_revoked_token_is_refused_at_once(guarded):
    ident, token = guarded.new_token("short-lived")
    headers = {"X-Registration-Token": token}
    delegate = guarded.register(headers=headers)
    assert guarded.admin("DELETE", f"/admin/tokens/{ident}").status == 200
    guarded.register(headers=headers, expect=401)
    guarded.register(prefix="/token/" + token, expect=401)
    guarded.update(delegate, harness.make_txt())  # what it brought stays


def test_tokens_and_secrets_are_never_logged(guarded):
    _, token = guarded.new_token("log")
    made = []
    for path, headers in ways(token):
        made.append(guarded.register(prefix=path, headers=headers))
    guarded.http("POST", f"/token/{token}/nothing")
    guarded.http("POST", f"/token/{token}//register")
    guarded.http("GET", "/health?key=" + made[0].password)
    guarded.update(made[0], harness.make_txt())
    guarded.http("POST", "/update", headers={"X-Api-User": made[1].username,
                                             "X-Api-Key": made[1].password}, body=b"junk")
    log = guarded.log
    assert token not in log
    for delegate in made:
        assert delegate.password not in log
    encoded = [headers["Authorization"].split()[1] for _, headers in ways(token) if
               headers.get("Authorization", "").startswith("Basic")]
    assert not any(word in log for word in encoded)


# ---- limits ----

def test_too_many_registrations_from_one_prefix_are_429(locumd):
    server = locumd(registration={"policy": "open", "limit": 3})
    for _ in range(3):
        server.register()
    answer = server.register(expect=429)
    assert answer.body == b'{"error": "rate_limited"}'
    assert answer.header("Content-Type") == "application/json"
    assert re.fullmatch("[1-9][0-9]*", answer.header("Retry-After"))
    assert int(answer.header("Retry-After")) <= 3600
    server.register(prefix=COMPAT, expect=429)          # no other door has its own count
    server.register(source="127.0.0.77", expect=429)    # the same /24
    server.register(source="127.0.1.1")                 # another one


def test_the_limit_counts_the_client_behind_a_trusted_proxy(locumd):
    server = locumd(registration={"policy": "open", "limit": 1},
                    api={"trusted-proxies": ["127.0.0.1/32"]})

    def register(client, expect, **options):
        server.register(headers={"X-Forwarded-For": client}, expect=expect, **options)

    register("192.0.2.1", 201)
    register("192.0.2.200", 429)          # the same /24
    register("192.0.3.1", 201)
    register("2001:db8:0:1200::1", 201)
    register("2001:db8:0:12ff::1", 429)   # the same /56
    register("2001:db8:0:1300::1", 201)
    register("::ffff:192.0.3.9", 429)     # a mapped address is the IPv4 one
    register("198.51.100.1", 201, source="127.0.0.2")   # no trusted proxy: its own address counts
    register("198.51.101.1", 429, source="127.0.0.2")


def test_exempt_prefixes_have_no_limit(locumd):
    server = locumd(registration={"policy": "open", "limit": 1, "exempt": ["127.0.0.0/24"]})
    for _ in range(5):
        server.register()
    server.register(source="127.0.5.1")
    server.register(source="127.0.5.1", expect=429)


def test_limit_zero_is_no_limit(shared_locumd):
    for _ in range(70):
        shared_locumd.register()


def test_a_limited_client_can_still_update(locumd):
    server = locumd(registration={"policy": "open", "limit": 1})
    delegate = server.register()
    server.register(expect=429)
    server.update(delegate, harness.make_txt())
