"""How the API behaves under peers that are slow, greedy, gone or out to confuse it: deadlines,
caps, request smuggling, TLS. Only loopback, few connections, every attack ends by itself."""
import concurrent.futures
import datetime
import http.client
import select
import socket
import ssl
import time

import harness
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HEALTH = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
FILLER = b"a" * 4096


def connect(server, source=None, timeout=30):
    return socket.create_connection((server.api_host, server.api_port), harness.seconds(timeout),
                                    source_address=(source, 0) if source else None)


def read_answer(sock):
    """The status of the next answer, whose body must be empty or framed."""
    reply = http.client.HTTPResponse(sock)
    reply.begin()
    reply.read()
    return reply.status


def health(sock):
    sock.sendall(HEALTH)
    return read_answer(sock)


def is_closed(sock):
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


# ---- deadlines ----

def trickle(sock, data):
    """Sends a byte each 100 ms until the server says something or closes; the seconds it took."""
    begin = time.monotonic()
    for byte in data:
        if select.select([sock], [], [], 0.1)[0]:
            return time.monotonic() - begin
        sock.send(bytes([byte]))
    raise AssertionError("the server never lost its patience")


def slow_head(server):
    with connect(server) as sock:
        took = trickle(sock, b"POST /update HTTP/1.1\r\nHost: a\r\nX: " + FILLER)
        return took, read_answer(sock), is_closed(sock)


def slow_body(server):
    with connect(server) as sock:
        sock.sendall(b"POST /update HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n")
        took = trickle(sock, FILLER)
        return took, read_answer(sock), is_closed(sock)


def slow_chunks(server):
    with connect(server) as sock:
        sock.sendall(b"POST /update HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        took = trickle(sock, b"1\r\na\r\n" * 500)
        return took, read_answer(sock), is_closed(sock)


def test_slow_requests_get_408_whatever_trickles_in(shared_locumd):
    with concurrent.futures.ThreadPoolExecutor(max_workers=24) as pool:
        attacks = [pool.submit(attack, shared_locumd)
                   for attack in (slow_head, slow_body, slow_chunks) for _ in range(8)]
        # Meanwhile an honest client is served at once.
        begin = time.monotonic()
        for _ in range(20):
            assert shared_locumd.http("GET", "/health").status == 200
        assert time.monotonic() - begin < harness.seconds(3)
        for attack in attacks:
            took, status, closed = attack.result()
            assert status == 408 and closed
            assert took < harness.seconds(15)


# ---- caps ----

def test_one_network_cannot_take_every_connection(locumd):
    server = locumd(api={"connections-per-prefix": 5})
    held = [connect(server) for _ in range(5)]
    for sock in held:
        assert health(sock) == 200
    with connect(server, source="127.0.0.99") as over:
        assert is_closed(over)
    with connect(server, source="127.0.9.1") as other:
        assert health(other) == 200
    assert server.http("GET", "/health", source="127.0.9.2").status == 200
    for sock in held:
        sock.close()
    deadline = time.monotonic() + harness.seconds(5)
    while True:
        try:
            assert server.http("GET", "/health").status == 200
            break
        except (ConnectionError, http.client.HTTPException):
            assert time.monotonic() < deadline


def test_idle_connections_make_room_when_all_are_taken(locumd):
    server = locumd(api={"connections": 6, "connections-per-prefix": 100})
    held = [connect(server) for _ in range(6)]
    for sock in held:
        assert health(sock) == 200
    with connect(server) as late:
        assert health(late) == 200
    assert is_closed(held[0])
    for sock in held[1:]:
        assert health(sock) == 200
        sock.close()
    held[0].close()


def test_requests_that_have_begun_keep_their_place(locumd):
    server = locumd(api={"connections": 3, "connections-per-prefix": 100})
    held = [connect(server) for _ in range(3)]
    for sock in held:
        sock.sendall(b"POST /register HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                     b"Content-Length: 2\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
    with connect(server) as late:
        late.sendall(HEALTH)
        assert not select.select([late], [], [], 0.3)[0]
        for sock in held:
            sock.sendall(b"{}")
            assert read_answer(sock) == 201
        assert read_answer(late) == 200
    for sock in held:
        sock.close()


# ---- framing that others might read differently ----

@pytest.mark.parametrize("status,head", [
    (400, b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
    (400, b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
    (400, b"Content-Length: 0\r\nContent-Length: 5\r\n"),
    (400, b"Content-Length: 5\r\nContent-Length: 5\r\n"),
    (400, b"Content-Length: 5, 5\r\n"),
    (400, b"Content-Length: +5\r\n"),
    (400, b"Content-Length : 5\r\n"),
    (400, b"Content-Length: 5\r\n x\r\n"),
    (400, b"X: y\nContent-Length: 5\r\n"),
    (400, b"X: y\rContent-Length: 5\r\n"),
    (400, b"X: \x00\r\n"),
    (501, b"Transfer-Encoding: xchunked\r\n"),
    (501, b"Transfer-Encoding: chunked, identity\r\n"),
    (400, b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
    (400, b"Transfer-Encoding: \x0bchunked\r\n"),
])
def test_ambiguous_framing_is_refused_and_ends_the_connection(shared_locumd, status, head):
    smuggled = b"0\r\n\r\nPOST /register HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
    data = b"POST /register HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n" + smuggled
    with connect(shared_locumd) as sock:
        sock.sendall(data)
        answer = harness.read_all(sock)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"\r\nConnection: close\r\n" in answer


@pytest.mark.parametrize("chunks", [b"5 \r\nhello\r\n0\r\n\r\n", b"5\nhello\r\n0\r\n\r\n",
                                    b"0x5\r\nhello\r\n0\r\n\r\n", b"5\r\nhelloX\r\n0\r\n\r\n",
                                    b"5;a\nb\r\nhello\r\n0\r\n\r\n", b"-1\r\n\r\n"])
def test_malformed_chunks_are_refused(shared_locumd, chunks):
    with connect(shared_locumd) as sock:
        sock.sendall(b"POST /register HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                     chunks + HEALTH)
        answer = harness.read_all(sock)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert answer.count(b"HTTP/1.1 ") == 1


def test_whatever_is_no_http_is_refused(shared_locumd):
    for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                 b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                 b"SSH-2.0-x\r\n", b"GET /\r\n", b"\x00", b"\xff" * 100):
        with connect(shared_locumd) as sock:
            sock.sendall(data)
            assert harness.read_all(sock)[:10] in (b"HTTP/1.1 4", b"HTTP/1.1 5"), data
    assert shared_locumd.http("GET", "/health").status == 200


def test_an_unknown_expectation_is_417(shared_locumd):
    with connect(shared_locumd) as sock:
        sock.sendall(b"POST /register HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n")
        assert read_answer(sock) == 417


def test_a_large_refused_body_does_not_lose_the_answer(shared_locumd):
    with connect(shared_locumd) as sock:
        sock.sendall(b"POST /register HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n")
        sock.sendall(b"x" * 4000000)
        answer = harness.read_all(sock)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.endswith(b'{"error": "payload_too_large"}')


# ---- peers that leave ----

def test_a_peer_that_leaves_before_its_answer_disturbs_nobody(shared_locumd):
    delegate = shared_locumd.register()
    for number in range(50):
        body = b'{"subdomain": "%s", "txt": "%s"}' % (delegate.subdomain.encode(),
                                                       harness.make_txt(number).encode())
        head = "".join(f"{key}: {value}\r\n" for key, value in delegate.headers.items())
        sock = connect(shared_locumd)
        sock.sendall(b"POST /update HTTP/1.1\r\nHost: a\r\n" + head.encode() +
                     b"Content-Length: %d\r\n\r\n" % len(body) + body)
        if number % 2:  # a reset instead of an orderly end
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
    shared_locumd.update(delegate, harness.make_txt("last"))
    assert harness.make_txt("last") in shared_locumd.values(delegate)


def test_a_peer_that_closed_its_direction_still_gets_every_answer(shared_locumd):
    with connect(shared_locumd) as sock:
        sock.sendall(HEALTH * 3)
        sock.shutdown(socket.SHUT_WR)
        assert harness.read_all(sock).count(b"HTTP/1.1 200 ") == 3


# ---- TLS ----

def write_certificate(folder, name):
    """A self-signed certificate for NAME and its key, as tls.pem and tls.key in FOLDER."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.utcnow()
    certificate = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(days=1))
                   .not_valid_after(now + datetime.timedelta(days=1))
                   .sign(key, hashes.SHA256()))
    (folder / "tls.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "tls.key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))
    (folder / "tls.key").chmod(0o600)


@pytest.fixture
def tls_locumd(locumd, tmp_path):
    write_certificate(tmp_path, "one.example")
    return locumd(api={"tls": "file", "certificate": str(tmp_path / "tls.pem"),
                       "private-key": str(tmp_path / "tls.key")})


def tls_connect(server, **options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    for key, value in options.items():
        setattr(context, key, value)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context.wrap_socket(connect(server))


def name_of(sock):
    certificate = x509.load_der_x509_certificate(sock.getpeercert(binary_form=True))
    return certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value


def test_a_new_certificate_leaves_open_connections_alone(tls_locumd, tmp_path):
    with tls_connect(tls_locumd) as old:
        assert health(old) == 200
        assert name_of(old) == "one.example"
        write_certificate(tmp_path, "two.example")
        tls_locumd.reload()
        with tls_connect(tls_locumd) as new:
            assert name_of(new) == "two.example"
            assert health(new) == 200
        assert health(old) == 200
        (tmp_path / "tls.pem").write_text("nonsense")
        tls_locumd.reload()
        with tls_connect(tls_locumd) as new:
            assert name_of(new) == "two.example"
        assert health(old) == 200


def test_tls_is_1_2_or_later_and_speaks_http_1_1(tls_locumd):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with tls_connect(tls_locumd, maximum_version=version) as sock:
            assert sock.selected_alpn_protocol() == "http/1.1"
            assert sock.compression() is None
            assert health(sock) == 200
    with pytest.raises((ssl.SSLError, ConnectionError)):
        tls_connect(tls_locumd, minimum_version=ssl.TLSVersion.TLSv1,
                    maximum_version=ssl.TLSVersion.TLSv1_1)


def test_a_slow_handshake_is_ended(tls_locumd):
    silent = connect(tls_locumd)
    with connect(tls_locumd) as sock:
        assert trickle(sock, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + FILLER) < harness.seconds(10)
    assert is_closed(silent)
    silent.close()
    with tls_connect(tls_locumd) as sock:
        assert health(sock) == 200


def test_plain_http_on_the_tls_port_is_ended(tls_locumd):
    with connect(tls_locumd) as sock:
        sock.sendall(HEALTH)
        begin = time.monotonic()
        assert b"HTTP/1.1 200" not in harness.read_all(sock)
        assert time.monotonic() - begin < harness.seconds(3)
    with tls_connect(tls_locumd) as sock:
        assert health(sock) == 200
