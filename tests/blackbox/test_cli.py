"""The locum program as people and ACME clients run it: its words, its exit codes, its files.

Against a real locumd wherever one can show it; the scripted server below gives what a sound locumd
does not (garbage, redirects, storage trouble on demand).
"""
import contextlib
import datetime
import http.server
import json
import os
import pathlib
import socket
import sqlite3
import ssl
import subprocess
import threading

import dns.rcode
import pytest

import harness
from harness import make_txt

DONE, FAILED, USAGE, ACTION, UNREACHABLE = range(5)
DOMAIN = "example.com"
HYPHEN_TXT = "-" + make_txt(1)[1:]


class Cli:
    """locum with an environment and a home of its own."""

    def __init__(self, home):
        self.home = pathlib.Path(home)
        self.storage = self.home / "credentials.json"
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith(("LOCUM_", "CERTBOT_"))
                            and not name.lower().endswith("_proxy")}
        self.environment.update(HOME=str(home), LOCUM_STORAGE=str(self.storage))

    def command(self, *words):
        return harness.wrapper() + [str(harness.program("locum")), *map(str, words)]

    def run(self, *words, expect=DONE, timeout=30, **environment):
        """Runs locum; the finished process, whose exit code is EXPECT."""
        result = subprocess.run(self.command(*words), env=dict(self.environment, **environment),
                                capture_output=True, text=True, timeout=harness.seconds(timeout))
        assert result.returncode == expect, (words, result)
        return result

    def json(self, *words, **options):
        return json.loads(self.run(*words, "--json", **options).stdout)

    def error(self, *words, expect, **options):
        """The word of the error that a command with --json ends with."""
        result = self.run(*words, "--json", expect=expect, **options)
        return json.loads(result.stderr.splitlines()[-1])

    def stored(self, domain=DOMAIN):
        return json.loads(self.storage.read_text())[domain]


@pytest.fixture
def cli(tmp_path):
    return Cli(tmp_path)


@pytest.fixture
def server(locumd, cli):
    """A locumd with open registration, whose address and socket the program knows."""
    daemon = locumd()
    cli.environment.update(LOCUM_SERVER=daemon.api_url, LOCUM_ADMIN_SOCKET=str(daemon.admin_socket))
    return daemon


class Scripted(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        status, headers, reply = self.server.script
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def scripted_server(status=200, headers=None, reply=b"", context=None):
    """A server that answers everything alike; its `seen` lists the requests."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Scripted) as made:
        made.script = (status, headers or {}, reply)
        made.seen = []
        if context:
            made.socket = context.wrap_socket(made.socket, server_side=True)
        made.url = f"{'https' if context else 'http'}://127.0.0.1:{made.server_port}"
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield made
        finally:
            made.shutdown()
            thread.join()


def credentials_at(url, **more):
    return {"fulldomain": "label.auth.example.org", "subdomain": "label", "username": "key-id",
            "password": "key-secret", "server_url": url, **more}


REGISTERED = json.dumps(credentials_at("https://elsewhere.example")).encode()


# ---- help and usage ----

COMMANDS = ["register", "update", "clear", "show", "hook certbot", "hook uacme", "hook dehydrated",
            "status", "ledger", "ledger verify", "ledger erase", "token new", "token list",
            "token revoke", "delegate show", "delegate remove"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(cli, command):
    text = cli.run("help", *command.split()).stdout
    assert text == cli.run(*command.split(), "--help").stdout
    for part in ("usage: locum " + command, "Options:", "--json", "Example:", "Exit codes:"):
        assert part in text
    assert command in cli.run("help").stdout


@pytest.mark.parametrize("words, part", [
    (["regsiter"], 'did you mean "locum register"?'),
    (["token", "lsit"], 'did you mean "locum token list"?'),
    (["ledger", "verfy"], 'did you mean "locum ledger verify"?'),
    (["token", "revoke", "x"], "that is no token id"),
    (["token"], "new, list, revoke"),
    (["register", "--domian", "x"], "did you mean --domain?"),
    (["register"], "needs --domain"),
    (["update", "--domain", DOMAIN], "too few arguments"),
    (["update", "--domain", DOMAIN, "short"], "43 characters"),
    (["register", "--domain", "b\u00fccher.example"], "A-label"),
    (["register", "--domain", DOMAIN, "--allowfrom", "192.0.2.1"], "192.0.2.1/32"),
    (["register", "--domain", DOMAIN], "LOCUM_SERVER"),
    (["register", "--domain", DOMAIN, "--server", "https://u:p@host"], "LOCUM_TOKEN"),
    (["ledger", "erase"], "--before"),
    (["ledger", "erase", "--before", "2026-02-30"], "must be a date"),
    (["status", "--timeout", "0"], "whole number"),
    (["--json", "status"], "command comes first"),
])
def test_mistakes_of_usage_are_one_line_and_exit_2(cli, words, part):
    result = cli.run(*words, expect=USAGE)
    assert part in result.stderr
    assert result.stderr.count("\n") == 1 and result.stdout == ""


def test_errors_are_json_when_asked_for(cli):
    assert cli.error("regsiter", expect=USAGE)["error"] == "usage"
    assert cli.error("status", "--socket", cli.home / "none", expect=UNREACHABLE)["error"] == \
        "unreachable"


def test_version(cli):
    assert cli.run("--version").stdout.startswith("locum ")


def test_what_cannot_be_written_is_a_failure(cli):
    with open("/dev/full", "w") as full:
        result = subprocess.run(cli.command("help"), env=cli.environment, stdout=full,
                                stderr=subprocess.PIPE, timeout=harness.seconds(30))
    assert result.returncode == FAILED


# ---- a domain's life ----

def test_register_update_show_and_clear(cli, server):
    first = cli.run("register", "--domain", DOMAIN)
    entry = cli.stored()
    assert f"_acme-challenge.{DOMAIN}. CNAME {entry['fulldomain']}.\n" in first.stdout
    assert entry["password"] not in first.stdout + first.stderr
    assert entry["server_url"] == server.api_url + harness.COMPAT
    assert harness.mode(cli.storage) == 0o600
    assert server.txt(entry["fulldomain"]) == []

    cli.run("update", "--domain", DOMAIN, make_txt())
    cli.run("update", HYPHEN_TXT, "--domain", "*." + DOMAIN.upper() + ".")
    assert set(server.txt(entry["fulldomain"])) == {make_txt(), HYPHEN_TXT}
    shown = cli.json("show", "--domain", DOMAIN)
    assert [value["txt"] for value in shown["values"]] == [make_txt(), HYPHEN_TXT]
    assert shown["cname"] == {"name": f"_acme-challenge.{DOMAIN}.",
                              "target": entry["fulldomain"] + "."}
    assert make_txt() in cli.run("show", "--domain", DOMAIN).stdout

    assert cli.json("clear", "--domain", DOMAIN, make_txt())["cleared"] == 1
    assert server.txt(entry["fulldomain"]) == [HYPHEN_TXT]
    assert cli.json("clear", "--domain", DOMAIN)["cleared"] == 1
    assert server.txt(entry["fulldomain"]) == []


def test_registering_again_gives_the_same_words(cli, server):
    first = cli.run("register", "--domain", DOMAIN)
    before = cli.storage.read_bytes()
    again = cli.run("register", "--domain", "*.Example.COM.")
    assert again.stdout == first.stdout
    assert cli.storage.read_bytes() == before
    answer = cli.json("register", "--domain", DOMAIN)
    assert answer["registered"] is False and "password" not in answer


def test_json_shows_new_credentials_once(cli, server):
    answer = cli.json("register", "--domain", DOMAIN, "--allowfrom", "192.0.2.0/24")
    entry = cli.stored()
    assert answer["registered"] is True
    for name in ("fulldomain", "subdomain", "username", "password", "server_url"):
        assert answer[name] == entry[name]
    assert cli.error("update", "--domain", DOMAIN, make_txt(), expect=FAILED)["error"] == \
        "forbidden"  # from 127.0.0.1, which --allowfrom leaves out


def test_two_at_once_register_once(cli, server):
    processes = [subprocess.Popen(cli.command("register", "--domain", DOMAIN, "--json"),
                                  env=cli.environment, stdout=subprocess.PIPE, text=True)
                 for _ in range(6)]
    answers = [json.loads(process.communicate(timeout=harness.seconds(60))[0])
               for process in processes]
    assert len({answer["fulldomain"] for answer in answers}) == 1
    assert sum(answer["registered"] for answer in answers) == 1


def test_other_domains_and_members_are_kept(cli, server):
    others = {"other.example": credentials_at("https://other.example", note=["kept"])}
    cli.storage.write_text(json.dumps(others))
    cli.storage.chmod(0o600)
    cli.run("register", "--domain", DOMAIN)
    stored = json.loads(cli.storage.read_text())
    assert stored["other.example"] == others["other.example"] and DOMAIN in stored


def test_a_removed_delegate_is_gone_for_good(cli, server):
    made = cli.json("register", "--domain", DOMAIN)
    label = cli.stored()["subdomain"]
    cli.run("update", "--domain", DOMAIN, make_txt())
    shown = cli.run("delegate", "show", label).stdout
    assert made["fulldomain"] in shown and make_txt() in shown and DOMAIN in shown
    assert cli.stored()["password"] not in shown
    assert cli.json("delegate", "remove", label) == {"removed": label}
    assert server.query(made["fulldomain"]).rcode() == dns.rcode.NXDOMAIN
    cli.run("update", "--domain", DOMAIN, make_txt(2), expect=FAILED)
    cli.run("delegate", "show", label, expect=FAILED)
    cli.run("delegate", "remove", label, expect=FAILED)
    cli.run("delegate", "remove", "../status", expect=USAGE)
    cli.run("ledger", "verify")
    kinds = [row["kind"] for row in map(json.loads, cli.run("ledger", "--json", "--delegate", label)
                                        .stdout.splitlines())]
    assert kinds == ["register", "update", "remove"]
    server.kill()
    server.start()
    assert server.query(made["fulldomain"]).rcode() == dns.rcode.NXDOMAIN
    with sqlite3.connect(server.data / "locum.db") as database:
        assert database.execute("SELECT count(*) FROM tombstone WHERE label = ?", (label,)).fetchone() == (1,)
        for table in ("delegate", "api_key", "value", "domain"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table


def test_a_registration_token_opens_the_door(cli, locumd):
    daemon = locumd(registration={"policy": "token"})
    cli.environment.update(LOCUM_SERVER=daemon.api_url)
    socket_words = ["--socket", daemon.admin_socket]
    result = cli.run("register", "--domain", DOMAIN, expect=FAILED)
    assert "LOCUM_TOKEN" in result.stderr and not cli.storage.exists()

    made = cli.json("token", "new", "--note", "web servers", *socket_words)
    cli.run("register", "--domain", DOMAIN, LOCUM_TOKEN=made["token"])
    cli.run("register", "--domain", "link.example", "--server",
            f"{daemon.api_url}/token/{made['token']}")
    assert made["token"] not in cli.storage.read_text()
    cli.run("update", "--domain", "link.example", make_txt())

    listed = cli.run("token", "list", *socket_words).stdout
    assert "web servers" in listed and "2 uses" in listed and made["token"] not in listed
    cli.run("token", "revoke", made["id"], *socket_words)
    assert "revoked" in cli.run("token", "list", *socket_words).stdout
    cli.run("register", "--domain", "late.example", expect=FAILED, LOCUM_TOKEN=made["token"])
    cli.run("token", "revoke", "987654", *socket_words, expect=FAILED)


def test_too_many_registrations_are_for_later(cli, locumd):
    daemon = locumd(registration={"policy": "open", "limit": 1})
    for _ in range(100):  # the limit lets a burst through first
        if daemon.http("POST", "/register").status == 429:
            break
    error = cli.error("register", "--domain", DOMAIN, "--server", daemon.api_url,
                      expect=UNREACHABLE)
    assert error["error"] == "rate_limited" and " s." in error["message"]
    assert not cli.storage.exists()


# ---- hooks ----

def certbot(cli, operation, txt, domain=DOMAIN, **options):
    return cli.run("hook", "certbot", operation, CERTBOT_DOMAIN=domain, CERTBOT_VALIDATION=txt,
                   **options)


def test_certbot_registers_then_serves_then_cleans(cli, server):
    first = certbot(cli, "auth", make_txt(), expect=ACTION)
    entry = cli.stored()
    assert f"_acme-challenge.{DOMAIN}. CNAME {entry['fulldomain']}." in first.stdout
    assert entry["password"] not in first.stdout + first.stderr
    certbot(cli, "auth", make_txt(1))
    certbot(cli, "auth", make_txt(2))
    assert set(server.txt(entry["fulldomain"])) == {make_txt(1), make_txt(2)}
    certbot(cli, "cleanup", make_txt(1))
    assert server.txt(entry["fulldomain"]) == [make_txt(2)]
    certbot(cli, "cleanup", make_txt(3), domain="never.example")
    assert "never.example" not in cli.storage.read_text()


def run_hook(cli, name, *words, expect=DONE):
    """The hook script as the ACME client runs it: by its path."""
    folder = harness.program("locum").parent
    path = harness.SOURCE / "packaging" / "hooks" / name
    result = subprocess.run([str(path), *words], capture_output=True, text=True,
                            env=dict(cli.environment, PATH=f"{folder}:{os.environ['PATH']}"),
                            timeout=harness.seconds(30))
    assert result.returncode == expect, result
    return result


def test_uacme_declines_what_is_not_dns(cli, server):
    cli.run("register", "--domain", DOMAIN)
    silent = run_hook(cli, "uacme", "begin", "http-01", DOMAIN, "token", "auth", expect=FAILED)
    assert silent.stdout + silent.stderr == ""
    run_hook(cli, "uacme", "begin", "dns-01", DOMAIN, "-token", HYPHEN_TXT)
    assert server.txt(cli.stored()["fulldomain"]) == [HYPHEN_TXT]
    run_hook(cli, "uacme", "done", "dns-01", DOMAIN, "-token", HYPHEN_TXT)
    assert server.txt(cli.stored()["fulldomain"]) == []
    run_hook(cli, "uacme", "begin", "dns-01", "new.example", "token", make_txt(), expect=ACTION)


def test_dehydrated_chains_and_calls_for_much_else(cli, server):
    chain = [DOMAIN, "-token", HYPHEN_TXT, DOMAIN, "token", make_txt(2)]
    new = run_hook(cli, "dehydrated", "deploy_challenge", "a.example", "token", make_txt(),
                   "b.example", "token", make_txt(), expect=ACTION)
    assert "_acme-challenge.a.example." in new.stdout and "_acme-challenge.b.example." in new.stdout
    cli.run("register", "--domain", DOMAIN)
    run_hook(cli, "dehydrated", "deploy_challenge", *chain)
    assert set(server.txt(cli.stored()["fulldomain"])) == {HYPHEN_TXT, make_txt(2)}
    run_hook(cli, "dehydrated", "clean_challenge", *chain)
    assert server.txt(cli.stored()["fulldomain"]) == []
    for words in (["startup_hook"], ["exit_hook", ""], ["this_hook_is_of_tomorrow", "--json"]):
        other = run_hook(cli, "dehydrated", *words)
        assert other.stdout + other.stderr == ""


# ---- what goes wrong ----

@pytest.mark.parametrize("status, headers, reply, expect, word, part", [
    (429, {"Retry-After": "77"}, b'{"error": "rate_limited"}', UNREACHABLE, "rate_limited", "77 s"),
    (503, {}, b'{"error": "unavailable"}', UNREACHABLE, "unavailable", "try again later"),
    (502, {}, b"<html>", UNREACHABLE, "unavailable", "502"),
    (401, {}, b'{"error": "forbidden"}', FAILED, "forbidden", "API key"),
    (400, {}, b'{"error": "bad_txt"}', FAILED, "bad_txt", "400"),
    (404, {}, b"404 page not found\n", FAILED, "not_found", "no locum"),
    (307, {"Location": "http://127.0.0.1:9/"}, b"", FAILED, "redirected", "--server"),
    (200, {}, b"<html>", FAILED, "unexpected_answer", '"txt"'),
    (200, {}, b'{"txt": "another"}', FAILED, "unexpected_answer", '"txt"'),
    (200, {}, b"x" * 9_000_000, FAILED, "unexpected_answer", "larger"),
])
def test_refusals_end_with_their_code(cli, status, headers, reply, expect, word, part):
    with scripted_server(status, headers, reply) as made:
        cli.storage.write_text(json.dumps({DOMAIN: credentials_at(made.url)}))
        cli.storage.chmod(0o600)
        error = cli.error("update", "--domain", DOMAIN, make_txt(), expect=expect)
        assert error["error"] == word and part in error["message"]
        text = cli.run("update", "--domain", DOMAIN, make_txt(), expect=expect).stderr
        assert text.count("\n") == 1 and "key-secret" not in text
        assert len(made.seen) == 2  # nothing was followed or tried again
        method, path, sent, body = made.seen[0]
        assert (method, path) == ("POST", "/update")
        assert (sent["X-Api-User"], sent["X-Api-Key"]) == ("key-id", "key-secret")
        assert json.loads(body) == {"subdomain": "label", "txt": make_txt()}


def test_what_is_sent_to_register(cli):
    with scripted_server(201, reply=REGISTERED) as made:
        cli.run("register", "--domain", DOMAIN, "--server", made.url + "/", "--allowfrom",
                "192.0.2.0/24", "--allowfrom", "2001:db8::/56", LOCUM_TOKEN="the-token")
        (method, path, sent, body), = made.seen
    assert (method, path) == ("POST", harness.COMPAT + "/register")
    assert sent["X-Registration-Token"] == "the-token"
    assert json.loads(body) == {"domain": DOMAIN, "allowfrom": ["192.0.2.0/24", "2001:db8::/56"]}
    # The address that was used is known to work; the answer's may not be.
    assert cli.stored()["server_url"] == made.url + harness.COMPAT


def test_a_plain_acme_dns_cannot_clear_and_cleanup_does_not_mind(cli):
    with scripted_server(404, reply=b"404 page not found\n") as made:
        cli.storage.write_text(json.dumps({DOMAIN: credentials_at(made.url)}))
        cli.storage.chmod(0o600)
        assert cli.error("clear", "--domain", DOMAIN, expect=FAILED)["error"] == "unsupported"
        certbot(cli, "cleanup", make_txt())
        assert cli.json("show", "--domain", DOMAIN)["values"] is None


def test_credentials_go_to_the_server_that_gave_them(cli):
    with scripted_server(200, reply=json.dumps({"txt": make_txt()}).encode()) as own, \
            scripted_server(200) as other:
        cli.storage.write_text(json.dumps({DOMAIN: credentials_at(own.url)}))
        cli.storage.chmod(0o600)
        result = cli.run("update", "--domain", DOMAIN, "--server", other.url, make_txt())
        assert "warning" in result.stderr and own.url in result.stderr
        assert len(own.seen) == 1 and other.seen == []


def test_no_server_is_for_later(cli):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        words = ["register", "--domain", DOMAIN, "--server"]
        assert cli.error(*words, url, expect=UNREACHABLE)["error"] == "unreachable"
        assert cli.error(*words, "https://locum.invalid", expect=UNREACHABLE)["error"] == \
            "name_not_found"
        result = cli.run(*words, url + "/token/the-token", expect=UNREACHABLE)
        assert "the-token" not in result.stderr
        closed.listen()
        error = cli.error(*words, url, "--timeout", "1", expect=UNREACHABLE)
        assert error["error"] == "timed_out"
        error = cli.error(*words, url.replace("http", "https"), "--timeout", "1",
                          expect=UNREACHABLE)
        assert error["error"] == "timed_out"
    assert not cli.storage.exists()


def self_signed(folder):
    """A certificate for 127.0.0.1 that no system trusts; the paths of it and its key."""
    import ipaddress
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "locum test")])
    now = datetime.datetime.utcnow()
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
                   .public_key(key.public_key()).serial_number(1)
                   .not_valid_before(now - datetime.timedelta(days=1))
                   .not_valid_after(now + datetime.timedelta(days=1))
                   .add_extension(x509.SubjectAlternativeName([address]), critical=False)
                   .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                   .sign(key, hashes.SHA256()))
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return folder / "cert.pem", folder / "key.pem"


def test_an_own_ca_is_named_by_an_option(cli, tmp_path):
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with scripted_server(201, reply=REGISTERED, context=context) as made:
        words = ["register", "--domain", DOMAIN, "--server", made.url]
        error = cli.error(*words, expect=UNREACHABLE)
        assert error["error"] == "tls_untrusted" and "--ca-file" in error["message"]
        assert cli.error(*words, "--ca-file", tmp_path / "none", expect=USAGE)["error"] == "ca_file"
        assert made.seen == []
        cli.run(*words, LOCUM_CA_FILE=str(certificate))


def test_nothing_is_registered_that_cannot_be_stored(cli):
    blocker = cli.home / "file"
    blocker.write_text("")
    with scripted_server(201, reply=REGISTERED) as made:
        words = ["register", "--domain", DOMAIN, "--server", made.url]
        error = cli.error(*words, "--storage", blocker / "c.json", expect=UNREACHABLE)
        assert error["error"] == "storage"
        cli.storage.write_text('{"broken')
        cli.storage.chmod(0o600)
        assert cli.error(*words, expect=FAILED)["error"] == "storage_malformed"
        assert made.seen == []
    assert cli.storage.read_text() == '{"broken'


@pytest.mark.parametrize("member, value", [
    ("password", "a\r\nX-Evil:1"), ("fulldomain", "a\x1b[2J.example"), ("username", None),
    ("subdomain", "x" * 64)])
def test_answers_that_would_drive_a_terminal_or_a_header_are_refused(cli, member, value):
    reply = json.dumps(credentials_at("https://a.example", **{member: value})).encode()
    with scripted_server(201, reply=reply) as made:
        error = cli.error("register", "--domain", DOMAIN, "--server", made.url, expect=FAILED)
    assert error["error"] == "unexpected_answer" and member in error["message"]
    assert not cli.storage.exists()


def test_an_unknown_domain_is_told_what_to_do(cli):
    error = cli.error("update", "--domain", DOMAIN, make_txt(), expect=FAILED)
    assert error["error"] == "not_registered"
    assert f"locum register --domain {DOMAIN}" in error["message"]


def test_a_file_open_to_others_is_warned_of(cli, server):
    cli.run("register", "--domain", DOMAIN)
    cli.storage.chmod(0o644)
    assert "chmod 600" in cli.run("show", "--domain", DOMAIN).stderr


# ---- the operator's commands ----

def test_status(cli, server):
    cli.run("register", "--domain", DOMAIN)
    status = cli.json("status")
    assert status["storage"] == "ok" and status["delegates"] >= 1
    text = cli.run("status").stdout
    assert server.zone in text and "storage" in text


def test_operator_commands_without_a_daemon(cli):
    for words in (["status"], ["ledger"], ["ledger", "verify"], ["token", "list"]):
        result = cli.run(*words, expect=UNREACHABLE, LOCUM_ADMIN_SOCKET=str(cli.home / "none"))
        assert "locumd" in result.stderr and "--socket" in result.stderr


def fill_ledger(cli):
    """Two registrations, updates and a clear."""
    for domain in (DOMAIN, "other.example"):
        cli.run("register", "--domain", domain)
        for number in range(3):
            cli.run("update", "--domain", domain, make_txt(number))
    cli.run("clear", "--domain", DOMAIN)


def ledger_rows(cli, *words):
    return [json.loads(line)
            for line in cli.run("ledger", "--json", *words).stdout.splitlines()]


def test_the_ledger_lists_what_happened(cli, server):
    fill_ledger(cli)
    label = cli.stored()["subdomain"]
    rows = ledger_rows(cli, "--delegate", label)
    assert [row["kind"] for row in rows].count("update") == 3
    assert rows[0]["kind"] == "register" and rows[0]["address"] == "127.0.0.1"
    assert rows[0]["user_agent"].startswith("locum/")
    assert all(row["delegate"] == label for row in rows)
    everything = ledger_rows(cli)
    assert [row["sequence"] for row in everything] == list(range(1, len(everything) + 1))
    assert ledger_rows(cli, "--after", "2", "--limit", "2") == everything[2:4]
    text = cli.run("ledger").stdout
    assert len(text.splitlines()) == len(everything) and make_txt() in text
    assert cli.stored()["password"] not in text


def verified(cli, *words):
    answer = cli.json("ledger", "verify", *words)
    assert answer["verified"] is True
    return answer


def test_the_ledger_verifies_by_socket_and_by_file(cli, server):
    fill_ledger(cli)
    database = server.data / "locum.db"
    by_socket = verified(cli)
    assert by_socket["rows"] >= 9 and by_socket["erased"] == 0
    assert verified(cli, "--database", database) == by_socket
    server.kill()  # what is in the -wal file counts
    assert verified(cli, "--database", database) == by_socket
    assert "verifies" in cli.run("ledger", "verify", "--database", database).stdout


@pytest.mark.parametrize("sent", [b"\xff\xfe\x80", b"\xed\xa0\x80", b"x" * 255 + "\u00e9".encode(),
                                  "\u202egnihton\u009b31m".encode(), b'"},{"\\u0000'])
def test_no_user_agent_makes_the_ledger_look_forged(cli, server, sent):
    answer, = server.raw(b"POST /register HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
                         b"User-Agent: " + sent + b"\r\n\r\n")
    assert answer.status == 201
    verified(cli)
    verified(cli, "--database", server.data / "locum.db")
    assert ledger_rows(cli)[-1]["user_agent"].isascii()


def test_erasing_addresses_leaves_the_chain_whole(cli, server):
    fill_ledger(cli)
    label = cli.stored()["subdomain"]
    rows = len(ledger_rows(cli, "--delegate", label))
    assert cli.json("ledger", "erase", "--delegate", label)["erased"] == rows
    left = [row for row in ledger_rows(cli, "--delegate", label) if row["kind"] != "erase"]
    assert len(left) == rows and all(row["address"] == "" for row in left)
    assert verified(cli)["erased"] == rows
    tomorrow = datetime.date.today() + datetime.timedelta(days=2)
    assert cli.json("ledger", "erase", "--before", tomorrow)["erased"] > 0
    whole = verified(cli)
    assert verified(cli, "--database", server.data / "locum.db") == whole


@pytest.mark.parametrize("statement, bad", [
    ("UPDATE ledger SET detail = detail || 'x' WHERE sequence = 3", 3),
    ("UPDATE ledger SET time_ms = time_ms + 1 WHERE sequence = 1", 1),
    ("UPDATE ledger SET hash = zeroblob(32) WHERE sequence = 2", 2),
    ("UPDATE ledger SET previous = zeroblob(32) WHERE sequence = 4", 4),
    ("DELETE FROM ledger WHERE sequence = 4", 5),
    ("DELETE FROM ledger WHERE sequence = 1", 2),
    ("UPDATE ledger_private SET address = '198.51.100.1' WHERE sequence = 3", 3),
    ("UPDATE ledger_private SET user_agent = '' WHERE sequence = 2", 2),
])
def test_tampering_is_found_at_its_row(cli, server, statement, bad):
    fill_ledger(cli)
    assert server.stop() == 0
    database = server.data / "locum.db"
    verified(cli, "--database", database)
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        assert connection.execute(statement).rowcount == 1
    result = cli.run("ledger", "verify", "--database", database, "--json", expect=FAILED)
    answer = json.loads(result.stdout)
    assert answer["verified"] is False and answer["sequence"] == bad
    assert json.loads(result.stderr)["error"] == "ledger_broken"


def test_a_file_that_is_no_ledger(cli):
    path = cli.home / "other.db"
    path.write_text("no database" * 100)
    assert cli.error("ledger", "verify", "--database", path, expect=FAILED)["error"] == \
        "database_malformed"
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE x (y)")
    cli.run("ledger", "verify", "--database", path, expect=FAILED)
    cli.run("ledger", "verify", "--database", cli.home / "none.db", expect=USAGE)
