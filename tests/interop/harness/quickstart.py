"""The quick start as a user goes through it with lego: three runs in one folder.

The commands are the page's own, word for word but for the two addresses. Each step needs the one
before; the objects here run it when it is first asked for, so that every test names what it shows
and can be run alone.
"""
import functools
import json

from . import certificates
from .process import run_client

V4_FIRST = """\
export ACME_DNS_STORAGE_PATH=lego-creds.json
export ACME_DNS_API_BASE={base}
lego \\
  --accept-tos \\
  --email you@example.com \\
  --dns acme-dns \\
  --domains example.com \\
  --server {ca} \\
  run
"""

V5_FIRST = """\
export ACME_DNS_STORAGE_PATH=lego-creds.json
export ACME_DNS_API_BASE={base}
lego run \\
  --accept-tos \\
  --email you@example.com \\
  --dns acme-dns \\
  -d example.com \\
  --server {ca}
"""

# Pebble's certificates live five years.
V4_RENEWAL = V4_FIRST.replace(
    "  run\n", "  renew --no-random-sleep --days 99999 --renew-hook 'touch renewed-$RANDOM'\n")
V5_RENEWAL = V5_FIRST.replace(
    "--server {ca}\n", "--server {ca} \\\n  --renew-force --no-random-sleep "
    "--deploy-hook 'touch renewed-$RANDOM'\n")


class QuickStart:
    """One user in the folder HOME, with the lego in the folder LEGO."""

    def __init__(self, world, home, lego, command, renewal):
        self.world = world
        self.home = home
        self.lego = lego
        self.command = command
        self.renewal_command = renewal

    @property
    def storage(self):
        return self.home / "lego-creds.json"

    def credentials(self):
        return json.loads(self.storage.read_text())

    def run(self, command, ca=None, **environment):
        """COMMAND with the addresses put in."""
        text = command.format(base=self.world.server.base, ca=(ca or self.world.ca).directory)
        return run_client(text, self.home, [self.lego], **environment)

    def certificate(self, names=("example.com",), ca=None):
        folder = self.home / ".lego/certificates"
        name = names[0].replace("*", "_")
        return certificates.check(ca or self.world.ca, [folder / f"{name}.crt"],
                                  folder / f"{name}.key", names)

    @functools.cached_property
    def first(self):
        """The first run's Result: it registers and stops."""
        before = len(self.world.server.ledger())
        result = self.run(self.command)
        self.first_rows = self.world.server.ledger()[before:]
        return result

    @functools.cached_property
    def account(self):
        """The stored credentials for example.com, with the CNAME put in place by the user."""
        assert self.first.code != 0, self.first
        account = self.credentials()["example.com"]
        self.world.add_cname("example.com", account["fulldomain"])
        return account

    @functools.cached_property
    def second(self):
        """The second run's Result: it issues."""
        assert self.account
        self.zone_before = self.world.customer.zone_file("example.com").read_bytes()
        self.serial_before = self.world.serial()
        before = len(self.world.server.ledger())
        result = self.run(self.command)
        assert result.code == 0, result
        self.second_rows = self.world.server.ledger()[before:]
        self.second_certificate = self.certificate()
        return result

    @functools.cached_property
    def third(self):
        """The third run's Result: it renews, with the values of the second still standing."""
        assert self.second
        before = len(self.world.server.ledger())
        result = self.run(self.renewal_command)
        assert result.code == 0, result
        self.third_rows = self.world.server.ledger()[before:]
        self.third_certificate = self.certificate()
        return result


def kinds(rows):
    return [row["kind"] for row in rows]
