"""The daemon: options, configuration errors, sockets and locks, signals, the two processes."""
import datetime
import ipaddress
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import threading

import harness
import pytest
from harness import ZONE, make_txt, seconds

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def run(*arguments, **options):
    """Runs locumd to its end."""
    command = harness.wrapper() + [str(harness.program("locumd")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds(20), **options)


def refused(daemon):
    """The one line on standard error of a daemon that must end with code 2 without serving."""
    with pytest.raises(harness.StartFailed) as failure:
        daemon.start()
    assert failure.value.returncode == 2, failure.value.stderr
    lines = failure.value.stderr.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def place(daemon, needle):
    """FILE:LINE:COLUMN of NEEDLE in the configuration."""
    for number, line in enumerate(daemon.config_path.read_text().splitlines(), 1):
        if needle in line:
            return f"{daemon.config_path}:{number}:{line.index(needle) + 1}"
    raise AssertionError(f"{needle} is not in the configuration")


# ---- options ----

def test_help_teaches():
    done = run("--help")
    assert done.returncode == 0 and done.stderr == ""
    for words in ("--config FILE", "--check-config", "SIGHUP", "Exit codes", "public-url:"):
        assert words in done.stdout


def test_version_names_the_libraries():
    done = run("--version")
    assert done.returncode == 0
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == ["locumd", "OpenSSL", "libevent", "SQLite", "libsodium", "jansson", "ldns",
                     "libyaml"]


@pytest.mark.parametrize("arguments", [["--colour"], ["--config"], ["serve"]])
def test_wrong_usage_ends_with_2(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == "" and "locumd --help" in done.stderr


# ---- configuration ----

def test_check_config_says_ok(locumd):
    daemon = locumd(start=False)
    daemon.write_config()
    done = run("--config", daemon.config_path, "--check-config")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{daemon.config_path}: ok\n", "")
    assert not daemon.data.exists()


def test_a_missing_file_is_named(tmp_path):
    done = run("--config", tmp_path / "none.yaml")
    assert done.returncode == 2
    assert done.stderr == (f"{tmp_path}/none.yaml: the configuration can't be read: "
                           "No such file or directory\n")


@pytest.mark.parametrize("check_only", [False, True])
def test_an_unknown_key_is_one_line_with_what_was_meant(locumd, check_only):
    daemon = locumd(start=False, dns={"tresholds": 3})
    daemon.write_config()
    expected = (f'{place(daemon, "tresholds")}: unknown key "tresholds" in "dns"; '
                'did you mean "threads"?')
    if check_only:
        done = run("--config", daemon.config_path, "--check-config")
        assert (done.returncode, done.stdout, done.stderr) == (2, "", expected + "\n")
    else:
        assert refused(daemon) == expected


def zones(**settings):
    zone = {"name": ZONE, "nameservers": ["ns1." + ZONE + " 127.0.0.1"],
            "contact": "hostmaster@example.org"}
    return [dict(zone, **settings)]


def test_a_mistake_in_records_has_the_line_of_the_file(locumd):
    daemon = locumd(start=False)
    daemon.config_text = (
        f"server: {{data: {daemon.data}, run: {daemon.folder}/run}}\n"
        "api: {public-url: 'https://auth.example.org', listen: ['127.0.0.1:0']}\n"
        "dns: {listen: ['127.0.0.1:0']}\n"
        "zones:\n"
        f"  - name: {ZONE}\n"
        f"    nameservers: [ns1.{ZONE} 127.0.0.1]\n"
        "    contact: hostmaster@example.org\n"
        "    records: |\n"
        f"      {ZONE}. 3600 IN A 192.0.2.1\n"
        "\n"
        f"      {ZONE}. 3600 IN A 192.0.2.256\n")
    assert refused(daemon).startswith(f"{daemon.config_path}:11:7: ")


def test_a_mistake_in_a_records_file_has_its_name_and_line(locumd):
    daemon = locumd(start=False, zones=zones(**{"records-file": "auth.zone"}))
    (daemon.folder / "auth.zone").write_text(f"; comment\n{ZONE}. 3600 IN A nonsense\n")
    assert refused(daemon).startswith(f"{daemon.folder}/auth.zone:2:1: ")


def test_a_records_file_is_found_beside_the_configuration(locumd):
    daemon = locumd(start=False, zones=zones(**{"records-file": "auth.zone"}))
    (daemon.folder / "auth.zone").write_text(f"{ZONE}. 3600 IN A 192.0.2.7\n")
    daemon.start()
    assert "192.0.2.7" in daemon.query(ZONE, "A").answer[0].to_text()


def test_a_group_that_is_named_must_exist(locumd):
    daemon = locumd(start=False, server={"admin-group": "no-such-group"})
    line = refused(daemon)
    assert line.startswith(place(daemon, "no-such-group")) and '"no-such-group"' in line


# ---- sockets and folders ----

def test_the_ready_line_has_real_addresses(locumd):
    daemon = locumd(dns={"listen": ["127.0.0.1:0", "127.0.0.2:0"], "threads": 2},
                    api={"listen": ["127.0.0.1:0", "127.0.0.2:0"], "threads": 2})
    assert daemon.ready["level"] == "info" and daemon.ready["process"] == "serve"
    assert daemon.ready["admin"] == str(daemon.admin_socket)
    assert [host for host, _ in daemon.dns_addresses] == ["127.0.0.1", "127.0.0.2"]
    for host, _ in daemon.dns_addresses:
        assert daemon.query(ZONE, "SOA", host=host).rcode() == 0
        assert daemon.query(ZONE, "SOA", host=host, tcp=True).rcode() == 0
    for host, port in daemon.api_addresses:
        with socket.create_connection((host, port), timeout=seconds(5)):
            pass
    assert daemon.http("GET", "/health").status == 200


@pytest.mark.skipif(not harness.has_ipv6(), reason="no IPv6 here")
def test_ipv6_takes_ipv6_alone(locumd):
    daemon = locumd(dns={"listen": ["[::1]:0"]}, api={"listen": ["[::1]:0"]})
    assert daemon.ready["dns"].startswith("[::1]:")
    assert daemon.query(ZONE, "SOA").rcode() == 0
    assert daemon.http("GET", "/health").status == 200
    port = daemon.api_port
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()


def test_the_log_can_be_json(locumd):
    daemon = locumd(log={"format": "json"})
    for line in daemon.lines:
        json.loads(line)
    assert daemon.ready["event"] == "ready"
    assert daemon.stop() == 0


@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_a_dns_port_in_use_names_its_holder(locumd, kind):
    with socket.socket(socket.AF_INET,
                       socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as holder:
        holder.bind(("127.0.0.1", 0))
        if kind == "tcp":
            holder.listen()
        address = "127.0.0.1:%d" % holder.getsockname()[1]
        daemon = locumd(start=False, dns={"listen": [address]})
        name = pathlib.Path("/proc/self/comm").read_text().strip()
        assert refused(daemon) == (
            f'{place(daemon, address)}: {address} ({kind.upper()}) is in use by "{name}" '
            f"(pid {os.getpid()}); stop it or choose another address or port")


@pytest.mark.parametrize("door", ["dns", "api"])
def test_the_port_of_another_locumd_is_refused(locumd, door):
    first = locumd()
    second = locumd(start=False, **{door: {"listen": [first.ready[door]]}})
    line = refused(second)
    assert line.startswith(place(second, first.ready[door]))
    assert f'is in use by "locumd" (pid {first.pid})' in line
    assert first.query(ZONE, "SOA").rcode() == 0


def test_a_database_that_is_none_fails_the_start_with_1(locumd):
    daemon = locumd(start=False)
    daemon.data.mkdir()
    (daemon.data / "locum.db").write_text("this is no database " * 500)
    with pytest.raises(harness.StartFailed) as failure:
        daemon.start()
    assert failure.value.returncode == 1
    events = [harness.parse_log_line(line) for line in failure.value.stderr.splitlines()]
    assert events[-1]["event"] == "start_failed" and "database" in events[-1]["why"]


def test_a_data_folder_that_is_a_file_is_refused(locumd):
    daemon = locumd(start=False)
    daemon.data.write_text("")
    assert refused(daemon) == (f"{place(daemon, str(daemon.data))}: the data folder {daemon.data} "
                               "is no folder; choose another path")


@pytest.mark.parametrize("name, narrow", [("data", "700"), ("run", "755")])
def test_a_folder_where_everybody_may_write_is_refused(locumd, name, narrow):
    daemon = locumd(start=False)
    folder = daemon.folder / name
    folder.mkdir()
    folder.chmod(0o1777)
    assert refused(daemon) == (f"{place(daemon, str(folder))}: everybody may write in the {name} "
                               f"folder {folder}; chmod it to {narrow}")
    folder.chmod(0o755)
    daemon.start()


def test_a_data_folder_has_one_daemon(locumd):
    first = locumd()
    second = locumd(start=False, server={"data": str(first.data)})
    assert refused(second) == (
        f'{place(second, str(first.data))}: the data folder {first.data} is in use by "locumd" '
        f"(pid {first.pid}); stop it or choose another folder")
    assert first.http("GET", "/health").status == 200


def test_a_killed_daemon_leaves_nothing_in_the_way(locumd):
    daemon = locumd()
    before = daemon.ready
    os.kill(daemon.pid, signal.SIGKILL)  # the serving process alone: the others must follow
    daemon.wait()
    daemon.write_config(dns={"listen": before["dns"].split(",")},
                        api={"listen": before["api"].split(",")})
    daemon.start()
    assert daemon.ready["dns"] == before["dns"]
    assert daemon.http("GET", "/health").status == 200


def test_folders_and_sockets_have_narrow_modes(locumd):
    path = pathlib.Path("/tmp/locum-test-%d.sock" % os.getpid())
    daemon = locumd(api={"listen": ["127.0.0.1:0", f"unix:{path}"]})
    assert harness.mode(daemon.data) == 0o700
    assert harness.mode(daemon.data / "locum.db") & 0o077 == 0
    assert harness.mode(daemon.admin_socket) == 0o660
    assert harness.mode(path) == 0o660  # whoever connects speaks for the proxy
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert harness.parse_answers(harness.read_all(connection))[0].status == 200
    daemon.stop()
    assert not path.exists() and not daemon.admin_socket.exists()


# ---- the end ----

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_with_0(locumd, number):
    daemon = locumd()
    processes = family(daemon)
    assert len(processes) == 3
    daemon.signal(number)
    assert daemon.process.wait(seconds(15)) == 0
    harness.await_condition(lambda: not any(alive(pid) for pid in processes))
    daemon.wait()


def test_requests_that_have_begun_are_finished(locumd):
    daemon = locumd()
    delegate = daemon.register()
    body = json.dumps({"subdomain": delegate.subdomain, "txt": make_txt()}).encode()
    head = (f"POST /update HTTP/1.1\r\nHost: a\r\nX-Api-User: {delegate.username}\r\n"
            f"X-Api-Key: {delegate.password}\r\nContent-Length: {len(body)}\r\n\r\n").encode()
    with socket.create_connection((daemon.api_host, daemon.api_port)) as connection:
        connection.sendall(head + body[:10])
        # Another request's answer proves that the loop has read what came before it.
        assert daemon.http("GET", "/health").status == 200
        daemon.signal(signal.SIGTERM)
        daemon.wait_log("stopping")
        connection.sendall(body[10:])
        assert harness.read_answers(connection, 1)[0].status == 200
    assert daemon.wait() == 0
    daemon.start()
    assert daemon.txt(delegate.fulldomain) == [make_txt()]


def test_what_was_answered_before_the_signal_is_there_afterwards(locumd):
    daemon = locumd()
    delegate = daemon.register()
    stop = threading.Event()
    acknowledged = []

    def send():
        number = 0
        while not stop.is_set():
            number += 1
            try:
                daemon.update(delegate, make_txt(number))
            except (OSError, AssertionError):
                return
            except Exception:  # the connection ended without an answer
                return
            acknowledged.append(make_txt(number))

    sender = threading.Thread(target=send)
    sender.start()
    harness.await_condition(lambda: len(acknowledged) >= 20)
    assert daemon.stop() == 0
    stop.set()
    sender.join()
    daemon.start()
    assert acknowledged[-1] in daemon.txt(delegate.fulldomain, tcp=True)


# ---- reload ----

def test_a_reload_takes_up_records_ttls_and_log_level(locumd):
    daemon = locumd(log={"level": "info"}, zones=zones(records=f"{ZONE}. 60 IN A 192.0.2.1\n"))
    delegate = daemon.register()
    daemon.update(delegate, make_txt())
    done = daemon.reload(log={"level": "debug"}, zones=zones(**{
        "records": f"{ZONE}. 60 IN A 192.0.2.2\n", "txt-ttl": 30, "negative-ttl": 7}))
    assert done["event"] == "reloaded" and "restart_needed_for" not in done
    assert "192.0.2.2" in daemon.query(ZONE, "A").answer[0].to_text()
    assert daemon.query(delegate.fulldomain, "TXT").answer[0].ttl == 30
    assert daemon.query("none." + ZONE, "A").authority[0].ttl == 7
    mark = daemon.log_mark()
    daemon.http("GET", "/health")
    daemon.wait_log(lambda fields: fields.get("level") == "debug", after=mark)


def test_a_reload_takes_up_registration_policy_and_public_url(locumd):
    daemon = locumd()
    assert daemon.reload(registration={"policy": "closed"})["event"] == "reloaded"
    assert daemon.http("POST", "/register").status == 404
    done = daemon.reload(registration={"policy": "open"},
                         api={"public-url": "https://other.example/path"})
    assert done["event"] == "reloaded"
    assert daemon.register().fields["server_url"].startswith("https://other.example/path/")


def test_a_reload_adds_a_zone(locumd):
    daemon = locumd()
    delegate = daemon.register()
    daemon.update(delegate, make_txt())
    other = zones(name="other.example.net", nameservers=["ns.example.net"])
    assert daemon.reload(zones=zones() + other)["event"] == "reloaded"
    assert daemon.query("other.example.net", "SOA").rcode() == 0
    assert daemon.txt(delegate.fulldomain) == [make_txt()]
    assert daemon.reload(zones=other + zones())["event"] == "reloaded"
    assert daemon.register().fulldomain.endswith(".other.example.net")
    assert daemon.txt(delegate.fulldomain) == [make_txt()]


def test_a_reload_names_what_takes_a_restart(locumd):
    daemon = locumd()
    done = daemon.reload(dns={"threads": 2}, api={"connections": 17})
    assert done["event"] == "reloaded" and done["level"] == "warning"
    assert done["restart_needed_for"] == "dns.threads,api.connections"


def test_a_mistake_in_a_reload_changes_nothing(locumd):
    daemon = locumd(zones=zones(records=f"{ZONE}. 60 IN A 192.0.2.1\n"))
    done = daemon.reload(zones=zones(records=f"{ZONE}. 60 IN A 192.0.2.2\n"),
                         registration={"policy": "closd"})
    assert done["event"] == "reload_failed"
    assert done["why"] == (f'{place(daemon, "closd")}: "policy" is "closd"; expected token, open '
                           'or closed; did you mean "closed"?')
    assert "192.0.2.1" in daemon.query(ZONE, "A").answer[0].to_text()
    daemon.register()
    assert daemon.reload(registration={"policy": "open"})["event"] == "reloaded"
    assert "192.0.2.2" in daemon.query(ZONE, "A").answer[0].to_text()


def test_records_larger_than_a_socket_buffer_are_taken_up(locumd):
    daemon = locumd()
    records = "".join(f"h{i}.{ZONE}. 60 IN A 192.0.2.1\n" for i in range(20000))
    (daemon.folder / "big.zone").write_text(records)
    assert daemon.reload(zones=zones(**{"records-file": "big.zone"}))["event"] == "reloaded"
    assert "192.0.2.1" in daemon.query("h19999." + ZONE, "A").answer[0].to_text()


# ---- certificates ----

def make_certificate(folder, name, days=30):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.utcnow()
    certificate = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(days=90))
                   .not_valid_after(now + datetime.timedelta(days=days))
                   .add_extension(x509.SubjectAlternativeName(
                       [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
                   .sign(key, hashes.SHA256()))
    pem = serialization.Encoding.PEM
    (folder / "tls.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "tls.key").write_bytes(key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return certificate.public_bytes(serialization.Encoding.DER)


def served_certificate(daemon):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((daemon.api_host, daemon.api_port), seconds(5)) as plain:
        with context.wrap_socket(plain) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert harness.read_answers(connection, 1)[0].status == 200
            return connection.getpeercert(binary_form=True)


TLS = {"tls": "file", "certificate": "tls.pem", "private-key": "tls.key"}


def test_a_reload_takes_up_a_new_certificate(locumd):
    daemon = locumd(start=False, api=TLS)
    first = make_certificate(daemon.folder, "first")
    daemon.start()
    assert served_certificate(daemon) == first
    second = make_certificate(daemon.folder, "second")
    assert served_certificate(daemon) == first
    assert daemon.reload()["event"] == "reloaded"
    assert served_certificate(daemon) == second


def test_a_bad_certificate_in_a_reload_leaves_the_old_one(locumd):
    daemon = locumd(start=False, api=TLS)
    first = make_certificate(daemon.folder, "first")
    daemon.start()
    key = (daemon.folder / "tls.key").read_bytes()
    make_certificate(daemon.folder, "second")
    (daemon.folder / "tls.key").write_bytes(key)
    done = daemon.reload()
    assert done["event"] == "reload_failed"
    assert done["why"].startswith(place(daemon, "tls.key")) and "does not belong" in done["why"]
    assert served_certificate(daemon) == first


@pytest.mark.parametrize("spoil,value,words", [
    (lambda folder: (folder / "tls.pem").unlink(), "tls.pem", "can't be read: No such file"),
    (lambda folder: (folder / "tls.pem").write_text("x"), "tls.pem", "holds no certificate"),
    (lambda folder: (folder / "tls.key").write_text("x"), "tls.key", "holds no private key"),
], ids=["missing", "no-certificate", "no-key"])
def test_a_bad_certificate_refuses_the_start(locumd, spoil, value, words):
    daemon = locumd(start=False, api=TLS)
    make_certificate(daemon.folder, "first")
    spoil(daemon.folder)
    line = refused(daemon)
    assert line.startswith(place(daemon, value)) and words in line


def test_an_expired_certificate_is_a_warning(locumd):
    daemon = locumd(start=False, api=TLS)
    expired = make_certificate(daemon.folder, "expired", days=-1)
    daemon.start()
    daemon.wait_log("certificate_expired")
    assert served_certificate(daemon) == expired
    mark = daemon.log_mark()
    daemon.reload()
    again = daemon.wait_log("certificate_expired", after=mark)
    assert again["process"] == "outbound"  # which reads the files again, and can be heard


# ---- the two processes ----

def family(daemon):
    """Process ids by name: the serving process, the keeper and the outbound process."""
    found = {}
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if os.getsid(int(folder.name)) == daemon.pid:
                found[int(folder.name)] = (folder / "comm").read_text().strip()
        except (OSError, ProcessLookupError):
            pass
    return found


def process_of(daemon, name):
    return next(pid for pid, comm in family(daemon).items() if comm == name)


def alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_serving_goes_on_when_the_outbound_process_is_killed(locumd):
    daemon = locumd(zones=zones(records=f"{ZONE}. 60 IN A 192.0.2.1\n"))
    mark = daemon.log_mark()
    os.kill(process_of(daemon, "locumd-outbound"), signal.SIGKILL)
    assert daemon.wait_log("outbound_ended", after=mark)["level"] == "error"
    assert daemon.query(ZONE, "SOA").rcode() == 0
    delegate = daemon.register()
    daemon.wait_log("outbound_started", after=mark)
    done = daemon.reload(zones=zones(records=f"{ZONE}. 60 IN A 192.0.2.2\n"))
    assert done["event"] == "reloaded"
    assert "192.0.2.2" in daemon.query(ZONE, "A").answer[0].to_text()
    daemon.update(delegate, make_txt())
    assert daemon.stop() == 0


def test_without_a_keeper_serving_goes_on_and_reloads_are_refused(locumd):
    daemon = locumd()
    os.kill(process_of(daemon, "locumd-keeper"), signal.SIGKILL)
    daemon.wait_log("outbound_lost")
    harness.await_condition(lambda: "locumd-outbound" not in family(daemon).values())
    assert daemon.reload()["event"] == "reload_failed"
    daemon.register()
    assert daemon.stop() == 0


def test_the_others_follow_a_killed_serving_process(locumd):
    daemon = locumd()
    processes = family(daemon)
    os.kill(daemon.pid, signal.SIGKILL)
    harness.await_condition(lambda: not any(alive(pid) for pid in processes))
    assert daemon.wait() == -signal.SIGKILL


def test_the_outbound_process_holds_no_socket_lock_or_database(locumd):
    daemon = locumd()
    for name in ("locumd-outbound", "locumd-keeper"):
        folder = pathlib.Path(f"/proc/{process_of(daemon, name)}/fd")
        log = os.readlink(folder / "2")  # opened once more where it is a pipe
        beyond = [os.readlink(link) for link in folder.iterdir() if int(link.name) > 2]
        beyond = [target for target in beyond if target != log]
        assert len(beyond) == 1 and beyond[0].startswith("socket:"), beyond


def test_signals_to_the_group_are_the_serving_processs(locumd):
    """As a terminal sends them: one clean end, nothing reported as died."""
    daemon = locumd()
    os.killpg(daemon.pid, signal.SIGINT)
    assert daemon.process.wait(seconds(15)) == 0
    assert "outbound_ended" not in daemon.log and "outbound_lost" not in daemon.log
    daemon.wait()


# ---- the service manager ----

def test_the_service_manager_is_told(locumd, tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(seconds(10))
        daemon = locumd(start=False)
        daemon.environment["NOTIFY_SOCKET"] = str(path)
        daemon.start()
        assert manager.recv(1000) == b"READY=1"
        daemon.reload()
        assert manager.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert manager.recv(1000) == b"READY=1"
        daemon.stop()
        assert manager.recv(1000) == b"STOPPING=1"
