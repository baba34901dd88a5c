"""The acme-dns contract: routes, methods, redirects, transport and CORS, at every prefix."""
import socket

import pytest

import harness
from harness import COMPAT, make_txt

PLAIN = "text/plain; charset=utf-8"


def is_not_found(answer):
    return (answer.status == 404 and answer.body == b"404 page not found\n" and
            answer.header("Content-Type") == PLAIN and
            answer.header("X-Content-Type-Options") == "nosniff")


def varies_by_origin(answer):
    names = [name.strip().lower() for value in answer.all("Vary") for name in value.split(",")]
    return "origin" in names


# ---- routes and methods ----

def test_health_is_an_empty_200_without_content_type(shared_locumd, prefix):
    answer = shared_locumd.http("GET", prefix + "/health")
    assert answer.status == 200
    assert answer.body == b""
    assert answer.header("Content-Length") == "0"
    assert answer.header("Content-Type") is None
    assert varies_by_origin(answer)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("route", ["/register", "/update"])
def test_wrong_method_on_a_post_route(shared_locumd, prefix, route, method):
    answer = shared_locumd.http(method, prefix + route)
    assert answer.status == 405
    assert answer.header("Allow") == "OPTIONS, POST"
    assert answer.header("Content-Type") == PLAIN
    assert answer.header("X-Content-Type-Options") == "nosniff"
    assert answer.body == b"Method Not Allowed\n"
    assert varies_by_origin(answer)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_wrong_method_on_health(shared_locumd, prefix, method):
    answer = shared_locumd.http(method, prefix + "/health")
    assert answer.status == 405
    assert answer.header("Allow") == "GET, OPTIONS"
    assert answer.body == b"Method Not Allowed\n"


@pytest.mark.parametrize("route,allow", [("/health", "GET, OPTIONS"), ("/register", "OPTIONS, POST"),
                                         ("/update", "OPTIONS, POST")])
def test_head_is_405_without_a_body(shared_locumd, prefix, route, allow):
    data = f"HEAD {prefix}{route} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    answer, = shared_locumd.raw(data, count=None, head=True)
    assert answer.status == 405
    assert answer.header("Allow") == allow
    assert answer.body == b""


@pytest.mark.parametrize("path", ["/", "/nothing", "/registers", "/update/x", "/register/x",
                                  "/health/x", "/register%00", "/index.html", "/favicon.ico",
                                  "/updat"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_path_is_404(shared_locumd, prefix, path, method):
    answer = shared_locumd.http(method, prefix + path)
    assert is_not_found(answer), answer
    assert varies_by_origin(answer)


def test_head_of_an_unknown_path_is_404(shared_locumd):
    answer, = shared_locumd.raw(b"HEAD /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                                count=None, head=True)
    assert answer.status == 404


@pytest.mark.parametrize("path,target", [
    ("/register/", "/register"), ("//register", "/register"), ("/REGISTER", "/register"),
    ("/Register/", "/register"), ("///register", "/register"), ("//update", "/update"),
    ("/update/", "/update"), ("/UPDATE", "/update")])
def test_post_is_sent_on_with_307(shared_locumd, prefix, path, target):
    answer = shared_locumd.http("POST", prefix + path, b"{}")
    assert answer.status == 307
    assert answer.header("Location") == prefix + target
    assert answer.body == b""
    assert answer.header("Content-Length") == "0"
    assert answer.header("Content-Type") is None
    assert varies_by_origin(answer)


def test_redirect_keeps_the_query(shared_locumd, prefix):
    answer = shared_locumd.http("POST", prefix + "//register?a=b&c=%20")
    assert answer.status == 307
    assert answer.header("Location") == prefix + "/register?a=b&c=%20"


@pytest.mark.parametrize("path", ["/health/", "//health", "/HEALTH"])
def test_get_is_sent_on_with_301_and_a_link(shared_locumd, prefix, path):
    answer = shared_locumd.http("GET", prefix + path)
    assert answer.status == 301
    assert answer.header("Location") == prefix + "/health"
    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    assert answer.body == f'<a href="{prefix}/health">Moved Permanently</a>.\n\n'.encode()


def test_link_of_a_redirect_is_escaped(shared_locumd, prefix):
    """The body is HTML and holds what the client sent: no script may come back in it."""
    answer = shared_locumd.raw(f"GET {prefix}//health?\"><script>'&a HTTP/1.1\r\nHost: x\r\n"
                               "Connection: close\r\n\r\n".encode())[0]
    assert answer.status in (301, 400)
    if answer.status == 301:
        link = prefix + "/health?&#34;&gt;&lt;script&gt;&#39;&amp;a"
        assert answer.body == f'<a href="{link}">Moved Permanently</a>.\n\n'.encode()


@pytest.mark.parametrize("method,path", [("GET", "/register/"), ("GET", "//update"),
                                         ("POST", "/health/"), ("POST", "//HEALTH"),
                                         ("PUT", "/register/")])
def test_no_redirect_for_a_method_the_target_lacks(shared_locumd, prefix, method, path):
    assert is_not_found(shared_locumd.http(method, prefix + path))


def test_following_the_307_with_the_body_registers(shared_locumd, prefix):
    """What a client does whose base URL ends in a slash."""
    body = b'{"allowfrom":["192.0.2.0/24"]}'
    answer = shared_locumd.http("POST", prefix + "//register", body)
    answer = shared_locumd.http("POST", answer.header("Location"), body)
    assert answer.status == 201
    assert answer.json()["allowfrom"] == ["192.0.2.0/24"]


@pytest.mark.parametrize("route,allow", [("/register", "OPTIONS, POST"), ("/update", "OPTIONS, POST"),
                                         ("/health", "GET, OPTIONS")])
def test_options_without_origin_names_the_methods(shared_locumd, prefix, route, allow):
    answer = shared_locumd.http("OPTIONS", prefix + route)
    assert answer.status == 200
    assert answer.header("Allow") == allow
    assert answer.body == b""
    assert answer.header("Content-Type") is None


def test_options_of_an_unknown_path_is_404(shared_locumd, prefix):
    assert is_not_found(shared_locumd.http("OPTIONS", prefix + "/nothing"))


def test_options_star(shared_locumd):
    answer, = shared_locumd.raw(b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.status == 200
    assert answer.body == b""


def test_query_string_is_ignored(shared_locumd, prefix):
    delegate = shared_locumd.register(prefix=prefix)
    answer = shared_locumd.http("POST", prefix + "/update?subdomain=x&txt=y",
                                {"subdomain": delegate.subdomain, "txt": make_txt()},
                                delegate.headers)
    assert answer.status == 200
    assert shared_locumd.http("POST", prefix + "/register?allowfrom=x").status == 201
    assert shared_locumd.http("GET", prefix + "/health?").status == 200


@pytest.mark.mended
def test_closed_door_of_other_apis_is_404_not_a_crash(shared_locumd):
    for path in ("/token", "/token/", "/token/x", "/token/x/", "/api", "/api/", "/api/v1",
                 "/api/v1/", COMPAT, COMPAT + "/", "/token/x/token/y/register",
                 COMPAT + COMPAT + "/register", COMPAT + "/token/x/register"):
        answer = shared_locumd.http("POST", path)
        assert answer.status == 404, (path, answer)


# ---- transport ----

def close_request(prefix, body=b"", extra="", route="/register", version="1.1", method="POST",
                  length=True):
    size = f"Content-Length: {len(body)}\r\n" if length else ""
    return (f"{method} {prefix}{route} HTTP/{version}\r\nHost: auth.example.org\r\n"
            f"Connection: close\r\n{size}{extra}\r\n").encode() + body


def test_absolute_form_of_the_target(shared_locumd, prefix):
    data = (f"POST http://auth.example.org{prefix}/register HTTP/1.1\r\nHost: auth.example.org\r\n"
            "Connection: close\r\nContent-Length: 0\r\n\r\n").encode()
    answer, = shared_locumd.raw(data)
    assert answer.status == 201


def test_http_1_0_without_host(shared_locumd, prefix):
    answers = shared_locumd.raw(f"POST {prefix}/register HTTP/1.0\r\nContent-Length: 2\r\n\r\n{{}}"
                                .encode(), count=None)
    assert [answer.status for answer in answers] == [201]


def test_post_without_content_length_has_no_body(shared_locumd, prefix):
    answer, = shared_locumd.raw(close_request(prefix, length=False))
    assert answer.status == 201


@pytest.mark.parametrize("pieces", [[b'{"allowfrom":["10.0.0.0/8"]}'],
                                    [b'{"allowfrom"', b':["10.0.', b'0.0/8"]}']])
def test_chunked_body(shared_locumd, prefix, pieces):
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    answer, = shared_locumd.raw(close_request(prefix, extra="Transfer-Encoding: chunked\r\n",
                                              length=False) + body)
    assert answer.status == 201
    assert answer.json()["allowfrom"] == ["10.0.0.0/8"]


def test_chunk_extensions_and_trailers_are_ignored(shared_locumd):
    body = b'2;a="b"\r\n{}\r\n0\r\nX-Trailer: x\r\n\r\n'
    answer, = shared_locumd.raw(close_request("", extra="Transfer-Encoding: chunked\r\n",
                                              length=False) + body)
    assert answer.status == 201


def test_expect_100_continue_is_answered_before_the_body(shared_locumd, prefix):
    body = b'{"allowfrom":[]}'
    head = (f"POST {prefix}/register HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n").encode()
    with socket.create_connection((shared_locumd.api_host, shared_locumd.api_port),
                                  timeout=harness.seconds(10)) as sock:
        sock.sendall(head)
        interim, = harness.read_answers(sock, 1)
        assert interim.status == 100
        sock.sendall(body)
        answer, = harness.read_answers(sock, 1)
        assert answer.status == 201


def test_keep_alive_and_pipelining_answer_in_order(shared_locumd, prefix):
    one = f"POST {prefix}/register HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode()
    two = f"GET {prefix}/health HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    answers = shared_locumd.raw(one + two + one, count=3)
    assert [answer.status for answer in answers] == [201, 200, 201]
    assert answers[0].json()["subdomain"] != answers[2].json()["subdomain"]


def test_missing_host_on_1_1_is_400(shared_locumd):
    answer, = shared_locumd.raw(b"POST /register HTTP/1.1\r\nContent-Length: 0\r\n\r\n", count=None)
    assert answer.status == 400


def test_differing_content_lengths_are_400(shared_locumd):
    data = (b"POST /register HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n"
            b"{} ")
    answer, = shared_locumd.raw(data, count=None)
    assert answer.status == 400


@pytest.mark.mended
@pytest.mark.parametrize("order", [("Content-Length: 4\r\n", "Transfer-Encoding: chunked\r\n"),
                                   ("Transfer-Encoding: chunked\r\n", "Content-Length: 4\r\n")])
def test_length_beside_chunked_is_400_and_ends_the_connection(shared_locumd, order):
    """Two readers of such a request may disagree on where it ends: smuggling."""
    data = ("POST /register HTTP/1.1\r\nHost: x\r\n" + "".join(order) +
            "\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n").encode()
    answers = shared_locumd.raw(data, count=None)
    assert [answer.status for answer in answers] == [400]


@pytest.mark.mended
def test_body_over_64_kib_is_413(shared_locumd, prefix):
    body = b'{"pad":"' + b"x" * (64 * 1024) + b'"}'
    answer = shared_locumd.raw(close_request(prefix, body), count=1)[0]
    assert answer.status == 413
    assert answer.header("Content-Type") == "application/json"
    assert answer.body == b'{"error": "payload_too_large"}'


@pytest.mark.mended
def test_chunked_body_over_64_kib_is_413(shared_locumd, prefix):
    chunks = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
    data = close_request(prefix, extra="Transfer-Encoding: chunked\r\n", length=False) + chunks * 17
    answer = shared_locumd.raw(data + b"0\r\n\r\n", count=1)[0]
    assert answer.status == 413
    assert answer.body == b'{"error": "payload_too_large"}'


@pytest.mark.mended
def test_413_comes_without_the_body_being_sent(shared_locumd):
    answer, = shared_locumd.raw(b"POST /register HTTP/1.1\r\nHost: x\r\n"
                                b"Content-Length: 99999999999\r\n\r\n", count=1)
    assert answer.status == 413
    answer, = shared_locumd.raw(b"POST /register HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                                b"Content-Length: 999999\r\n\r\n", count=1)
    assert answer.status == 413


def test_body_of_almost_64_kib_is_accepted(shared_locumd, prefix):
    body = b'{"pad":"' + b"x" * (64 * 1024 - 10) + b'"}'
    assert len(body) == 64 * 1024
    answer, = shared_locumd.raw(close_request(prefix, body))
    assert answer.status == 201


def test_too_many_header_bytes_are_431(shared_locumd):
    data = b"GET /health HTTP/1.1\r\nHost: x\r\nX-Pad: " + b"x" * (1100 * 1024) + b"\r\n\r\n"
    answer = shared_locumd.raw(data, count=1)[0]
    assert answer.status == 431


@pytest.mark.parametrize("content_type", [
    None, "application/json", "application/json; charset=utf-8", "text/plain",
    "application/x-www-form-urlencoded", "garbage", "multipart/form-data"])
def test_content_type_and_accept_are_never_looked_at(shared_locumd, prefix, content_type):
    headers = {"Accept": "image/png"}
    if content_type:
        headers["Content-Type"] = content_type
    delegate = shared_locumd.register({"allowfrom": ["127.0.0.0/8"]}, prefix, headers)
    shared_locumd.update(delegate, make_txt(), prefix, headers)


@pytest.mark.parametrize("authorization", ["Basic ", "Basic Og==", "Bearer ", "garbage", "Basic !"])
def test_empty_or_odd_authorization_does_no_harm(shared_locumd, prefix, authorization):
    delegate = shared_locumd.register(prefix=prefix, headers={"Authorization": authorization})
    shared_locumd.update(delegate, make_txt(), prefix, {"Authorization": authorization})


def test_json_answers_have_exactly_this_type_and_vary(shared_locumd, prefix):
    delegate = shared_locumd.register(prefix=prefix)
    answers = [delegate.answer, shared_locumd.update(delegate, make_txt(), prefix),
               shared_locumd.register("[]", prefix, expect=400),
               shared_locumd.update(delegate, "short", prefix, expect=400),
               shared_locumd.http("POST", prefix + "/update", b"{}")]
    for answer in answers:
        assert answer.header("Content-Type") == "application/json"
        assert varies_by_origin(answer)
        assert answer.header("WWW-Authenticate") is None
        assert not answer.body.endswith(b"\n")


@pytest.mark.mended
def test_every_answer_names_its_request(shared_locumd, prefix):
    seen = set()
    for method, path in (("GET", "/health"), ("POST", "/register"), ("POST", "/update"),
                         ("GET", "/nothing"), ("OPTIONS", "/register"), ("POST", "//register")):
        answer = shared_locumd.http(method, prefix + path)
        assert answer.header("X-Request-Id"), (method, path)
        assert varies_by_origin(answer)
        seen.add(answer.header("X-Request-Id"))
    assert len(seen) == 6


# ---- CORS ----

def test_actual_request_with_an_origin(shared_locumd, prefix):
    for method, path, status in (("GET", "/health", 200), ("POST", "/register", 201),
                                 ("POST", "/update", 401)):
        answer = shared_locumd.http(method, prefix + path, headers={"Origin": "https://a.example"})
        assert answer.status == status
        assert answer.header("Access-Control-Allow-Origin") == "*"
        assert answer.header("Access-Control-Allow-Credentials") is None


def test_request_without_origin_gets_no_cors_header(shared_locumd, prefix):
    answer = shared_locumd.http("POST", prefix + "/register")
    assert answer.header("Access-Control-Allow-Origin") is None


@pytest.mark.parametrize("method,path,status,permitted", [
    ("OPTIONS", "/register", 200, True), ("POST", "//register", 307, True), ("GET", "/nothing", 404, True),
    ("GET", "/register", 405, True), ("PUT", "/register", 405, False), ("DELETE", "/nothing", 404, False),
    ("HEAD", "/health", 405, False)])
def test_permission_goes_by_the_method_not_the_outcome(shared_locumd, prefix, method, path, status,
                                                       permitted):
    answer, = shared_locumd.raw(f"{method} {prefix}{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                "Origin: https://a.example\r\nContent-Length: 0\r\n\r\n".encode(),
                                count=None, head=method == "HEAD")
    assert answer.status == status
    assert answer.header("Access-Control-Allow-Origin") == ("*" if permitted else None)


def preflight(server, path, origin="https://a.example", method="POST", headers=None):
    wanted = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers:
        wanted["Access-Control-Request-Headers"] = headers
    return server.http("OPTIONS", path, headers={k: v for k, v in wanted.items() if v})


def cors_headers(answer):
    return {k.lower(): v for k, v in answer.headers if k.lower().startswith("access-control-")}


@pytest.mark.parametrize("path", ["/register", "/update", "/health", "/nothing"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_preflight_is_204_and_never_reaches_a_route(shared_locumd, prefix, path, method):
    answer = preflight(shared_locumd, prefix + path, method=method)
    assert answer.status == 204
    assert answer.body == b""
    assert varies_by_origin(answer)
    assert answer.header("Allow") is None
    assert cors_headers(answer) == {"access-control-allow-origin": "*",
                                    "access-control-allow-methods": method}


@pytest.mark.parametrize("headers", ["content-type", "accept,content-type,x-requested-with"])
def test_preflight_for_default_headers(shared_locumd, prefix, headers):
    answer = preflight(shared_locumd, prefix + "/update", headers=headers)
    assert answer.status == 204
    assert answer.header("Access-Control-Allow-Headers") == headers


@pytest.mark.mended
@pytest.mark.parametrize("headers", ["content-type,x-api-key,x-api-user", "x-api-user", "x-api-key"])
def test_preflight_admits_the_credentials_headers(shared_locumd, prefix, headers):
    answer = preflight(shared_locumd, prefix + "/update", headers=headers)
    assert answer.status == 204
    assert answer.header("Access-Control-Allow-Origin") == "*"
    assert answer.header("Access-Control-Allow-Methods") == "POST"
    assert answer.header("Access-Control-Allow-Headers").lower() == headers


@pytest.mark.parametrize("method,headers", [("PUT", None), ("DELETE", None),
                                            ("POST", "content-type,x-evil"), ("POST", "cookie")])
def test_refused_preflight_is_204_without_permission(shared_locumd, prefix, method, headers):
    answer = preflight(shared_locumd, prefix + "/update", method=method, headers=headers)
    assert answer.status == 204
    assert cors_headers(answer) == {}


def test_preflight_without_origin_gives_no_permission(shared_locumd):
    answer = preflight(shared_locumd, "/update", origin=None)
    assert answer.status == 204
    assert cors_headers(answer) == {}


def test_a_list_of_origins_is_echoed_or_refused(locumd):
    server = locumd(api={"cors-origins": ["https://a.example", "https://b.example"]})
    for origin in ("https://a.example", "https://b.example"):
        answer = server.http("GET", "/health", headers={"Origin": origin})
        assert answer.header("Access-Control-Allow-Origin") == origin
        assert preflight(server, "/update", origin).header(
            "Access-Control-Allow-Origin") == origin
    for origin in ("https://c.example", "http://a.example", "https://a.example.c.example", "null",
                   "https://xa.example"):
        answer = server.http("POST", "/register", headers={"Origin": origin})
        assert answer.status == 201  # the server cannot know who else asks
        assert cors_headers(answer) == {}
        assert cors_headers(preflight(server, "/update", origin)) == {}
        assert varies_by_origin(answer)
