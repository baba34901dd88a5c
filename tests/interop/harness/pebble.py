"""Debian's Pebble, a real ACME server for tests, strict, with every challenge really looked up."""
import json
import pathlib
import ssl
import urllib.request

from .process import Daemon

# No sleep before a validation, no reuse of an old one (half of the renewals would skip DNS) and no
# nonces refused at random (dehydrated dies of one).
ENVIRONMENT = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0", "PEBBLE_WFE_NONCEREJECT": "0"}


class Pebble:
    """One ACME CA at ADDRESS under the host name NAME; it validates through RESOLVER."""

    def __init__(self, folder, name, address, resolver, authority):
        self.name = name
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.address = address
        self.resolver = resolver
        self.authority = authority
        certificate, key = authority.issue(name)
        (self.folder / "pebble.json").write_text(json.dumps({"pebble": {
            "listenAddress": f"{address}:14000",
            "managementListenAddress": f"{address}:15000",
            "certificate": str(certificate), "privateKey": str(key),
            "httpPort": 5002, "tlsPort": 5001, "ocspResponderURL": "",
            "externalAccountBindingRequired": False}}))
        self.daemon = None

    @property
    def directory(self):
        """The URL that clients are given."""
        return f"https://{self.name}:14000/dir"

    def start(self):
        self.daemon = Daemon(self.name, ["pebble", "-config", "pebble.json", "-strict",
                                         "-dnsserver", f"{self.resolver}:53"],
                             self.folder, ENVIRONMENT)
        self.daemon.wait_port(self.address, 14000)
        self.daemon.wait_port(self.address, 15000)

    def stop(self):
        if self.daemon:
            self.daemon.stop()

    def root(self):
        """The root certificate (PEM) under which this CA issues."""
        trust = ssl.create_default_context(cafile=str(self.authority.bundle))
        trust.check_hostname = False  # asked by address
        with urllib.request.urlopen(f"https://{self.address}:15000/roots/0", timeout=10,
                                    context=trust) as answer:
            return answer.read()
