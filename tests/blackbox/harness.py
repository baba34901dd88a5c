"""What every black-box test needs: a locumd of its own, and bytes on the wire.

A Locumd object is one daemon in one temporary folder: it writes the configuration, starts the
program, reads its log in a thread and knows its ports from the `event=ready` line. Nothing here
sleeps to wait for the daemon: conditions are awaited on the log, with a deadline.

Environment:
  LOCUM_BUILD    the build folder (default ./build of the source tree)
  LOCUM_WRAPPER  words put before the program, e.g. "valgrind -q"
  LOCUM_PATIENCE factor on every deadline, for slow machines and sanitizers (default 1)
"""
import base64
import copy
import http.client
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import threading
import time
import urllib.parse

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import yaml

SOURCE = pathlib.Path(__file__).resolve().parents[2]
ZONE = "auth.example.org"
COMPAT = "/api/v1/acme-dns-compat"
SANITIZER_WORDS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:")
PATIENCE = float(os.environ.get("LOCUM_PATIENCE", "1"))


def seconds(base):
    """A deadline of BASE seconds, stretched for slow machines."""
    return base * PATIENCE


def build_folder():
    return pathlib.Path(os.environ.get("LOCUM_BUILD", SOURCE / "build"))


def program(name):
    """The path of a program we built: wherever in the build folder it stands."""
    folder = build_folder()
    for place in (folder / "src" / name, folder / name, folder / "src" / "daemon" / name,
                  folder / "src" / "cli" / name):
        if place.is_file() and os.access(place, os.X_OK):
            return place
    raise FileNotFoundError(f"no {name} in {folder}: set LOCUM_BUILD to the build folder")


def wrapper():
    return shlex.split(os.environ.get("LOCUM_WRAPPER", ""))


def merge(base, over):
    """BASE with OVER laid on it, folder by folder. A value of ... takes a key away."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return copy.deepcopy(over)
    out = copy.deepcopy(base)
    for key, value in over.items():
        key = key.replace("_", "-")
        if value is ...:
            out.pop(key, None)
        else:
            out[key] = merge(out.get(key), value)
    return out


def default_config(folder):
    return {
        "server": {"data": str(folder / "data"), "run": str(folder / "run"), "node": "node1"},
        "log": {"level": "debug", "format": "text"},
        "dns": {"listen": ["127.0.0.1:0"], "threads": 1},
        "api": {
            "listen": ["127.0.0.1:0"],
            "tls": "off",
            "public-url": "https://" + ZONE,
            "updates-per-hour": 0,
            "threads": 1,
        },
        "zones": [{
            "name": ZONE,
            "nameservers": ["ns1." + ZONE + " 127.0.0.1"],
            "contact": "hostmaster@example.org",
        }],
        "registration": {"policy": "open", "limit": 0},
        "database": {"url": "sqlite:locum.db"},
    }


LOG_FIELD = re.compile(r'([A-Za-z0-9_.-]+)=("(?:[^"\\]|\\.)*"|\S*)')


def parse_log_line(line):
    """The fields of one log line, text or JSON; {} if it is neither."""
    line = line.strip()
    if line.startswith("{"):
        try:
            return json.loads(line)
        except ValueError:
            return {}
    fields = {}
    for key, value in LOG_FIELD.findall(line):
        if value.startswith('"'):
            try:
                value = json.loads(value)
            except ValueError:
                value = value[1:-1]
        fields[key] = value
    return fields


def split_address(text):
    """("127.0.0.1", 53) of "127.0.0.1:53", ("::1", 53) of "[::1]:53"."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


class StartFailed(Exception):
    def __init__(self, returncode, stderr):
        super().__init__(f"locumd ended with {returncode}:\n{stderr}")
        self.returncode = returncode
        self.stderr = stderr


class Locumd:
    """One daemon. Keyword arguments are laid over default_config(), e.g. registration={...}."""

    def __init__(self, start=True, folder=None, environment=None, arguments=(), config_text=None,
                 command=None, **config):
        self.own_folder = folder is None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="locum-test-"))
        self.config_path = self.folder / "locum.yaml"
        self.config = merge(default_config(self.folder), config)
        self.config_text = config_text
        self.environment = dict(os.environ, **(environment or {}))
        self.arguments = list(arguments)
        self.command = command
        self.process = None
        self.lines = []
        self.changed = threading.Condition()
        self.reader = None
        self.ready = {}
        self.pinned = {}
        if start:
            try:
                self.start()
            except BaseException:
                self.clean()
                raise

    # ---- life ----

    def write_config(self, **config):
        """Lays CONFIG over the present configuration and writes the file (for reload())."""
        self.config = merge(self.config, config)
        text = self.config_text
        if text is None:
            text = yaml.safe_dump(self.config, sort_keys=False, width=10000)
        self.config_path.write_text(text)

    def start(self, wait=True):
        assert self.process is None, "already running"
        self.write_config()
        command = self.command or wrapper() + [str(program("locumd"))]
        self.lines = []
        self.process = subprocess.Popen(
            command + ["--config", str(self.config_path)] + self.arguments,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=self.environment, cwd=self.folder, start_new_session=True)
        self.reader = threading.Thread(target=self._read, args=(self.process.stderr,), daemon=True)
        self.reader.start()
        if wait:
            self.wait_ready()

    def _read(self, stream):
        for raw in stream:
            with self.changed:
                self.lines.append(raw.decode("utf-8", "replace").rstrip("\n"))
                self.changed.notify_all()
        stream.close()
        with self.changed:
            self.changed.notify_all()

    def wait_ready(self, timeout=20):
        line = self.wait_log(lambda fields: fields.get("event") == "ready", timeout, start=True)
        self.ready = line
        return line

    def wait_log(self, wanted, timeout=10, after=0, start=False):
        """The fields of the first log line from AFTER on for which WANTED(fields) holds; WANTED may
        also be the name of an event."""
        if isinstance(wanted, str):
            name = wanted

            def wanted(fields):
                return fields.get("event") == name
        deadline = time.monotonic() + seconds(timeout)
        at = after
        with self.changed:
            while True:
                while at < len(self.lines):
                    fields = parse_log_line(self.lines[at])
                    at += 1
                    if fields and wanted(fields):
                        return fields
                if not self.reader.is_alive() and at >= len(self.lines):
                    code = self.process.wait() if self.process else None
                    if start:
                        self.process = None
                        raise StartFailed(code, self.log)
                    raise AssertionError("the daemon ended while its log was awaited:\n" + self.log)
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError("not logged in time; the log:\n" + self.log)
                self.changed.wait(min(left, 0.2))

    @property
    def log(self):
        return "\n".join(self.lines)

    def log_mark(self):
        """The place in the log where the next line will stand, for wait_log(after=...)."""
        with self.changed:
            return len(self.lines)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=15):
        """Waits for the end of the daemon; its exit code."""
        code = self.process.wait(seconds(timeout))
        self.reader.join(seconds(5))
        self._end_group()
        self.process = None
        return code

    def _end_group(self):
        """Whatever the daemon left running in its session ends here, and only that."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass

    def stop(self, timeout=15):
        """SIGTERM; the exit code (0 is what a drained daemon gives)."""
        if self.process is None:
            return None
        self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("locumd did not stop on SIGTERM:\n" + self.log)

    def kill(self):
        """SIGKILL to every process of the daemon, as a crash would."""
        if self.process is None:
            return
        self._end_group()
        self.process.wait()
        self.reader.join(seconds(5))
        self.process = None

    def restart(self, kill=False, same_ports=False, **config):
        """Ends the daemon and starts it again on the same data."""
        if same_ports:
            config = merge({"dns": {"listen": self.ready["dns"].split(",")},
                            "api": {"listen": self.ready["api"].split(",")}}, config)
        if kill:
            self.kill()
        else:
            assert self.stop() == 0, self.log
        self.config = merge(self.config, config)
        self.start()

    def reload(self, **config):
        """Writes CONFIG, sends SIGHUP and waits until the daemon says what became of it: event
        `reloaded` or `reload_failed` (returned as fields)."""
        self.write_config(**config)
        mark = self.log_mark()
        self.signal(signal.SIGHUP)
        return self.wait_log(lambda fields: str(fields.get("event", "")).startswith("reload") and
                             fields.get("event") not in ("reload", "reloading"), after=mark)

    def finish(self):
        """What a test ends with: a daemon that still runs must drain and end well, and what a
        sanitizer has to say is a failure."""
        try:
            if self.process is not None:
                assert self.stop() == 0, self.log[-5000:]
            for words in SANITIZER_WORDS:
                assert words not in self.log, self.log[-20000:]
        finally:
            self.clean()

    def clean(self):
        try:
            self.kill()
        finally:
            if self.own_folder:
                shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *exception):
        if kind is None:
            self.finish()
        else:
            self.clean()

    # ---- where it is ----

    @property
    def pid(self):
        return self.process.pid

    @property
    def dns_addresses(self):
        return [split_address(a) for a in self.ready["dns"].split(",")]

    @property
    def api_addresses(self):
        return [split_address(a) for a in self.ready["api"].split(",") if not a.startswith("unix:")]

    @property
    def dns_host(self):
        return self.dns_addresses[0][0]

    @property
    def dns_port(self):
        return self.dns_addresses[0][1]

    @property
    def api_host(self):
        return self.api_addresses[0][0]

    @property
    def api_port(self):
        return self.api_addresses[0][1]

    @property
    def api_url(self):
        scheme = "http" if self.config["api"].get("tls", "off") in ("off", False) else "https"
        host, port = self.api_addresses[0]
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    @property
    def admin_socket(self):
        return pathlib.Path(self.config["server"]["run"]) / "admin.sock"

    @property
    def data(self):
        return pathlib.Path(self.config["server"]["data"])

    @property
    def zone(self):
        return self.config["zones"][0]["name"]

    # ---- HTTP ----

    def http(self, method, path, body=None, headers=None, host=None, source=None):
        """One request on a connection of its own; an Answer."""
        target = (host or self.api_host, self.api_port)
        connection = http.client.HTTPConnection(*target, timeout=seconds(20),
                                                source_address=(source, 0) if source else None)
        try:
            if isinstance(body, str):
                body = body.encode()
            elif isinstance(body, (dict, list)):
                body = json.dumps(body).encode()
            connection.putrequest(method, path, skip_accept_encoding=True)
            headers = dict(headers or {})
            names = {name.lower() for name in headers}
            if body is not None and not names & {"content-length", "transfer-encoding"}:
                headers["Content-Length"] = str(len(body))
            elif body is None and method == "POST" and "content-length" not in names:
                headers["Content-Length"] = "0"
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            reply = connection.getresponse()
            return Answer(reply.status, reply.getheaders(), reply.read())
        finally:
            connection.close()

    def raw(self, data, **options):
        """Sends bytes as they are to the API; see raw_http()."""
        return raw_http(self.api_host, self.api_port, data, **options)

    def register(self, body=None, prefix="", headers=None, expect=201, **options):
        """Registers a delegate; the Delegate (or the Answer, if EXPECT is not 201)."""
        answer = self.http("POST", prefix + "/register", body, headers, **options)
        assert answer.status == expect, (answer.status, answer.body)
        if expect != 201:
            return answer
        return Delegate(self, answer.json(), answer)

    def update(self, delegate, txt, prefix="", headers=None, expect=200, subdomain=None, **options):
        """Sets a value with the headers' credentials; the Answer."""
        answer = self.http("POST", prefix + "/update",
                           {"subdomain": subdomain or delegate.subdomain, "txt": txt},
                           dict(delegate.headers, **(headers or {})), **options)
        assert answer.status == expect, (answer.status, answer.body)
        return answer

    def clear(self, delegate, txt=None, expect=200, **options):
        body = {"subdomain": delegate.subdomain}
        if txt is not None:
            body["txt"] = txt
        answer = self.http("POST", "/api/v1/clear", body, delegate.headers, **options)
        assert answer.status == expect, (answer.status, answer.body)
        return answer.json()["cleared"] if expect == 200 else answer

    def values(self, delegate):
        """What GET /api/v1/values says: the values' texts, oldest first."""
        answer = self.http("GET", "/api/v1/values", headers=delegate.headers)
        assert answer.status == 200, (answer.status, answer.body)
        return [value["txt"] for value in answer.json()["values"]]

    def admin(self, method, path, body=None):
        """One request on admin.sock; an Answer."""
        data = json.dumps(body).encode() if body is not None else b""
        head = (f"{method} {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n"
                f"Content-Length: {len(data)}\r\n\r\n").encode()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(seconds(20))
            connection.connect(str(self.admin_socket))
            connection.sendall(head + data)
            return parse_answers(read_all(connection))[0]

    def new_token(self, note="test"):
        """A new registration token, (id, token)."""
        answer = self.admin("POST", "/admin/tokens", {"note": note})
        assert answer.status == 201, (answer.status, answer.body)
        row = answer.json()
        return row["id"], row["token"]

    # ---- DNS ----

    def query(self, name, rdtype="TXT", tcp=False, rdclass="IN", edns=None, payload=1232,
              host=None, message=None, timeout=5, **options):
        """Asks the server (over UDP unless TCP); the dnspython message."""
        if message is None:
            message = dns.message.make_query(name, rdtype, rdclass, **options)
            message.flags &= ~dns.flags.RD
            if edns is not None:
                message.use_edns(edns, payload=payload)
        host = host or self.dns_host
        port = next((p for h, p in self.dns_addresses if h == host), self.dns_port)
        ask = dns.query.tcp if tcp else dns.query.udp
        return ask(message, host, seconds(timeout), port=port)

    def txt(self, name, **options):
        """The TXT values at NAME, in the answer's order."""
        answer = self.query(name, "TXT", **options)
        assert answer.rcode() == 0, answer
        return [b"".join(rdata.strings).decode() for rrset in answer.answer
                if rrset.rdtype == dns.rdatatype.TXT for rdata in rrset]

    def raw_udp(self, data, timeout=1.0, host=None):
        """Sends one datagram; the answer's bytes, or None if none comes in time."""
        host = host or self.dns_host
        port = next((p for h, p in self.dns_addresses if h == host), self.dns_port)
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET,
                           socket.SOCK_DGRAM) as sock:
            sock.settimeout(seconds(timeout))
            sock.connect((host, port))
            sock.send(data)
            try:
                return sock.recv(65535)
            except (TimeoutError, ConnectionRefusedError):
                return None

    def dns_connection(self, host=None):
        """A TCP connection to the DNS port."""
        host = host or self.dns_host
        port = next((p for h, p in self.dns_addresses if h == host), self.dns_port)
        sock = socket.create_connection((host, port), timeout=seconds(10))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock


class Delegate:
    """What a registration gave."""

    def __init__(self, server, fields, answer=None):
        self.server = server
        self.fields = fields
        self.answer = answer
        self.username = fields["username"]
        self.password = fields["password"]
        self.fulldomain = fields["fulldomain"]
        self.subdomain = fields["subdomain"]

    @property
    def headers(self):
        return {"X-Api-User": self.username, "X-Api-Key": self.password}

    @property
    def basic(self):
        return basic_auth(self.username, self.password)


def basic_auth(user, password):
    word = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": "Basic " + word}


def make_txt(number=0):
    """A value of the form that an ACME client sends, another one for each NUMBER."""
    import hashlib
    digest = hashlib.sha256(str(number).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Answer:
    """One HTTP answer: status, headers (a list of pairs, as sent), body (bytes)."""

    def __init__(self, status, headers, body, reason="", version="HTTP/1.1"):
        self.status = status
        self.headers = list(headers)
        self.body = body
        self.reason = reason
        self.version = version

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name):
        """The header's value; None if it is not there; a failure if it is there twice."""
        found = self.all(name)
        assert len(found) <= 1, (name, found)
        return found[0] if found else None

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:300]!r}>"


def read_all(sock, timeout=20):
    """Everything until the peer closes."""
    sock.settimeout(seconds(timeout))
    data = b""
    try:
        while True:
            piece = sock.recv(65536)
            if not piece:
                return data
            data += piece
    except ConnectionResetError:
        return data


def take_answer(data, head=False):
    """(Answer, rest) of the first whole HTTP answer in DATA, (None, data) if there is none yet."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None, data
    lines = data[:end].decode("latin-1").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    status, _, reason = rest.partition(" ")
    headers = []
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers.append((name, value.strip()))
    answer = Answer(int(status), headers, b"", reason, version)
    at = end + 4
    if head or answer.status in (204, 304) or 100 <= answer.status < 200:
        length = 0
    elif answer.header("Transfer-Encoding") == "chunked":
        body = b""
        while True:
            line_end = data.find(b"\r\n", at)
            if line_end < 0:
                return None, data
            size = int(data[at:line_end], 16)
            if len(data) < line_end + 2 + size + 2:
                return None, data
            body += data[line_end + 2:line_end + 2 + size]
            at = line_end + 2 + size + 2
            if size == 0:
                answer.body = body
                return answer, data[at:]
    elif answer.header("Content-Length") is not None:
        length = int(answer.header("Content-Length"))
    else:
        length = len(data) - at
    if len(data) < at + length:
        return None, data
    answer.body = data[at:at + length]
    return answer, data[at + length:]


def parse_answers(data, heads=0):
    """All HTTP answers in DATA. The first HEADS ones have no body (answers to HEAD)."""
    answers = []
    while data:
        answer, rest = take_answer(data, head=len(answers) < heads)
        if answer is None:
            raise AssertionError(f"not a whole HTTP answer: {data[:500]!r}")
        answers.append(answer)
        data = rest
    return answers


def raw_http(host, port, data, count=1, timeout=20, head=False, half_close=False):
    """Sends DATA (bytes, or pieces of bytes) over one TCP connection and reads COUNT answers (None:
    until the server closes). A list of Answers; interim answers (1xx) count as answers."""
    pieces = [data] if isinstance(data, bytes) else list(data)
    with socket.create_connection((host, port), timeout=seconds(timeout)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                sock.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server has answered and closed before it read everything
        if half_close:
            sock.shutdown(socket.SHUT_WR)
        if count is None:
            return parse_answers(read_all(sock, timeout), heads=1 if head else 0)
        return read_answers(sock, count, timeout, head)


def read_answers(sock, count, timeout=20, head=False):
    answers, got = [], b""
    sock.settimeout(seconds(timeout))
    while len(answers) < count:
        answer, got = take_answer(got, head)
        if answer is not None and not (
                answer.header("Content-Length") is None and
                answer.header("Transfer-Encoding") is None and
                answer.status not in (204, 304) and answer.status >= 200):
            answers.append(answer)
            continue
        if answer is not None:  # its end is the connection's end
            answer.body += read_all(sock, timeout)
            answers.append(answer)
            break
        try:
            piece = sock.recv(65536)
        except ConnectionResetError:
            piece = b""
        if not piece:
            raise AssertionError(f"closed after {len(answers)} of {count} answers; rest {got!r}")
        got += piece
    return answers


def closed_by_peer(sock, timeout=10):
    """Whether the peer closes the connection within TIMEOUT; what else it sends is dropped."""
    sock.settimeout(seconds(timeout))
    try:
        while sock.recv(65536):
            pass
        return True
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


# ---- DNS bytes ----

def wire_name(name):
    """NAME (text) as it stands on the wire."""
    return dns.name.from_text(name).to_wire()


def wire_query(name, rdtype="TXT", rdclass=1, ident=0x1234, flags=0, extra=b"", counts=(1, 0, 0, 0)):
    """A query built by hand: NAME may be text or ready bytes."""
    qname = name if isinstance(name, bytes) else wire_name(name)
    qtype = rdtype if isinstance(rdtype, int) else dns.rdatatype.from_text(rdtype)
    head = struct.pack("!HHHHHH", ident, flags, *counts)
    return head + qname + struct.pack("!HH", qtype, rdclass) + extra


def wire_opt(payload=1232, version=0, do=False, options=b"", extended=0):
    """An OPT record by hand."""
    return (b"\0" + struct.pack("!HHBBH", 41, payload, extended, version, 0x8000 if do else 0) +
            struct.pack("!H", len(options)) + options)


def frame(message):
    """MESSAGE with its length before it, as DNS over TCP wants it."""
    return struct.pack("!H", len(message)) + message


def read_frame(sock, timeout=10):
    """One message of DNS over TCP; None when the peer has closed."""
    sock.settimeout(seconds(timeout))
    head = read_exactly(sock, 2)
    if head is None:
        return None
    return read_exactly(sock, struct.unpack("!H", head)[0])


def read_exactly(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            return None
        data += piece
    return data


def await_condition(check, timeout=10, step=0.02):
    """Calls CHECK until it gives something true; that value. For states that no log line tells."""
    deadline = time.monotonic() + seconds(timeout)
    while True:
        value = check()
        if value:
            return value
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(step)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
        return True
    except OSError:
        return False


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def quote(text):
    return urllib.parse.quote(text, safe="")
