"""Debian's certbot with `locum hook certbot`: apex and wildcard in one certificate, and renewal."""
import json
import stat

import pytest

from .harness import certificates
from .harness.process import run_client
from .harness.world import LOCUM

NAMES = ["example.com", "*.example.com"]


class Certbot:
    """One user's certbot: its folders, and the credentials that `locum register` stored."""

    def __init__(self, world, home, locum_path):
        self.world = world
        self.home = home
        self.path = [locum_path]
        self.storage = home / "credentials.json"
        self.environment = {"LOCUM_SERVER": world.server.url, "LOCUM_STORAGE": str(self.storage)}

    def run(self, *words):
        return run_client(["certbot", *words, "--non-interactive",
                           "--config-dir", "config", "--work-dir", "work", "--logs-dir", "logs"],
                          self.home, self.path, **self.environment)

    def issue(self, *names, ca=None):
        words = [word for name in names for word in ("-d", name)]
        return self.run("certonly", "--manual", "--preferred-challenges", "dns",
                        "--manual-auth-hook", "locum hook certbot auth",
                        "--manual-cleanup-hook", "locum hook certbot cleanup",
                        "--agree-tos", "-m", "you@example.com",
                        "--server", (ca or self.world.ca).directory, *words)

    def locum(self, *words):
        return run_client(["locum", *words], self.home, self.path, **self.environment)

    def certificate(self, ca=None):
        live = self.home / "config/live/example.com"
        return certificates.check(ca or self.world.ca, [live / "fullchain.pem"],
                                  live / "privkey.pem", NAMES)


@pytest.fixture(scope="module")
def certbot(world, module_home, locum_path):
    return Certbot(world, module_home, locum_path)


@pytest.fixture(scope="module")
def first_run(certbot):
    """certbot before anything is set up."""
    return certbot.issue(*NAMES)


@pytest.fixture(scope="module")
def account(first_run, certbot, world):
    """The credentials that the hook stored, with the CNAME put in place."""
    account = json.loads(certbot.storage.read_text())["example.com"]
    world.add_cname("example.com", account["fulldomain"])
    return account


@pytest.fixture(scope="module")
def issued(account, certbot, world):
    """(serial of the user's zone before, result, certificate): the run with the CNAME in place."""
    serial = world.serial()
    result = certbot.issue(*NAMES)
    assert result.code == 0, result
    return serial, result, certbot.certificate()


def test_S11_first_run_fails_and_prints_the_cname(first_run, certbot):
    assert first_run.code != 0
    account = json.loads(certbot.storage.read_text())["example.com"]
    assert f"_acme-challenge.example.com. CNAME {account['fulldomain']}." in first_run.output
    assert stat.S_IMODE(certbot.storage.stat().st_mode) == 0o600


def test_S4_one_cname_serves_apex_and_wildcard(issued, world, account):
    added = world.server.ledger("update")
    assert len(added) >= 2
    assert {row["delegate"] for row in added} == {account["subdomain"]}
    assert len(world.server.ledger("register")) == 1


def test_locum_register_finds_the_stored_credentials(issued, certbot, account, world):
    result = certbot.locum("register", "--domain", "example.com")
    assert result.code == 0, result
    assert f"_acme-challenge.example.com. CNAME {account['fulldomain']}." in result.output
    assert len(world.server.ledger("register")) == 1


def test_cleanup_takes_the_values_away(issued, account, world):
    """Asked at our server: the resolver would keep "nothing there" into the next test's renewal."""
    assert world.ask(account["fulldomain"], "TXT", LOCUM).answer == []


def test_S2_S20_renewal_changes_only_the_delegate(issued, certbot, world):
    serial, _, before = issued
    zone = world.customer.zone_file("example.com").read_bytes()
    result = certbot.run("renew", "--force-renewal", "--no-random-sleep-on-renew",
                         "--renew-hook", "touch renewed")
    assert result.code == 0, result
    after = certbot.certificate()
    assert after.serial_number != before.serial_number
    assert (certbot.home / "renewed").exists()
    assert world.serial() == serial
    assert world.customer.zone_file("example.com").read_bytes() == zone


def test_S19_another_ca_needs_nothing_of_us(issued, world, home, locum_path, certbot):
    other = Certbot(world, home, locum_path)
    other.storage.write_bytes(certbot.storage.read_bytes())
    result = other.issue(*NAMES, ca=world.other_ca)
    assert result.code == 0, result
    other.certificate(world.other_ca)
    assert len(world.server.ledger("register")) == 1


def test_the_ledger_of_it_all_verifies(issued, certbot, world):
    result = certbot.locum("ledger", "verify", "--socket", world.server.daemon.admin_socket)
    assert result.code == 0, result
