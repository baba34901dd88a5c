"""Debian's dehydrated with our hook."""
import json

import pytest

from .harness import certificates
from .harness.process import run_client
from .harness.server import hook

NAMES = ["example.com", "*.example.com"]
CONFIG = """\
CA="{ca}"
CHALLENGETYPE=dns-01
BASEDIR="{folder}"
HOOK="{hook}"
HOOK_CHAIN={chain}
CONTACT_EMAIL=you@example.com
KEY_ALGO=secp384r1
ACCOUNT_KEYSIZE=2048
"""


class Dehydrated:
    """One user's dehydrated in FOLDER."""

    def __init__(self, world, folder, locum_path, chain="no"):
        self.world = world
        self.folder = folder
        self.path = [locum_path]
        self.storage = folder / "credentials.json"
        self.environment = {"LOCUM_SERVER": world.server.url, "LOCUM_STORAGE": str(self.storage)}
        (folder / "config").write_text(
            CONFIG.format(ca=world.ca.directory, folder=folder, chain=chain,
                          hook=hook("dehydrated")))
        (folder / "domains.txt").write_text(" ".join(NAMES) + "\n")

    def locum_register(self):
        result = run_client(["locum", "register", "--domain", "example.com"], self.folder,
                            self.path, **self.environment)
        assert result.code in (0, 3), result
        return json.loads(self.storage.read_text())["example.com"]

    def run(self, *words):
        return run_client(["dehydrated", "-f", "config", *words], self.folder, self.path,
                          **self.environment)

    def certificate(self):
        certs = self.folder / "certs/example.com"
        return certificates.check(self.world.ca, [certs / "fullchain.pem"],
                                  certs / "privkey.pem", NAMES)


@pytest.fixture(scope="module")
def dehydrated(world, module_home, locum_path):
    user = Dehydrated(world, module_home, locum_path)
    world.add_cname("example.com", user.locum_register()["fulldomain"])
    result = user.run("--register", "--accept-terms")
    assert result.code == 0, result
    return user


@pytest.fixture(scope="module")
def issued(dehydrated):
    result = dehydrated.run("-c")
    assert result.code == 0, result
    return dehydrated.certificate()


def test_S1_S4_issues_apex_and_wildcard(issued, world):
    assert len(world.server.ledger("register")) == 1


def test_S2_S20_renewal_changes_only_the_delegate(issued, dehydrated, world):
    serial = world.serial()
    result = dehydrated.run("-c", "--force")
    assert result.code == 0, result
    assert dehydrated.certificate().serial_number != issued.serial_number
    assert world.serial() == serial


def test_hook_chain_sets_all_values_in_one_call(issued, dehydrated, world, home, locum_path):
    user = Dehydrated(world, home, locum_path, chain="yes")
    user.storage.write_bytes(dehydrated.storage.read_bytes())
    result = user.run("--register", "--accept-terms")
    assert result.code == 0, result
    result = user.run("-c")
    assert result.code == 0, result
    user.certificate()
