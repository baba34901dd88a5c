"""An acme-dns to hold the contract suite against, so that the suite's expectations are themselves
tested. Optional: set LOCUM_ORACLE to the path of an acme-dns program (1.x) and run test_contract_*.py;
the tests marked `mended` (where locum differs on purpose) and those of locum's own API are skipped.
"""
import os
import pathlib
import socket
import subprocess
import threading

import harness


def oracle_program():
    return os.environ.get("LOCUM_ORACLE")


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class AcmeDns(harness.Locumd):
    """acme-dns in the shape of a Locumd: the same helpers, its own configuration."""

    def __init__(self, closed=False, trusted=False, cors=()):
        self.closed = closed
        self.trusted = trusted
        self.cors = cors
        super().__init__()

    def finish(self):
        self.clean()  # it dies of SIGTERM

    def start(self, wait=True):
        dns, api = free_port(), free_port()
        self.ready = {"dns": f"127.0.0.1:{dns}", "api": f"127.0.0.1:{api}"}
        origins = ", ".join(f'"{origin}"' for origin in self.cors)
        path = pathlib.Path(self.folder) / "acme-dns.cfg"
        path.write_text(f"""
[general]
listen = "127.0.0.1:{dns}"
protocol = "both"
domain = "{harness.ZONE}"
nsname = "ns1.{harness.ZONE}"
nsadmin = "hostmaster.example.org"
records = ["{harness.ZONE}. NS ns1.{harness.ZONE}.", "ns1.{harness.ZONE}. A 127.0.0.1"]
debug = false
[database]
engine = "sqlite3"
connection = "{self.folder}/acme-dns.db"
[api]
ip = "127.0.0.1"
disable_registration = {str(self.closed).lower()}
port = "{api}"
tls = "none"
corsorigins = [{origins}]
use_header = {str(self.trusted).lower()}
header_name = "X-Forwarded-For"
[logconfig]
loglevel = "error"
logtype = "stdout"
logformat = "text"
""")
        self.process = subprocess.Popen([oracle_program(), "-c", str(path)], cwd=self.folder,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, start_new_session=True)
        self.reader = threading.Thread(target=self._read, args=(self.process.stderr,), daemon=True)
        self.reader.start()

        def answers():
            try:
                socket.create_connection(("127.0.0.1", api), 1).close()
                return True
            except OSError:
                return False
        harness.await_condition(answers)
