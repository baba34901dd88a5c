"""Debian's uacme with our hook. It reads only the system's CA bundle and solves its names one after
the other within milliseconds: what a resolver keeps of the first value must not fail the second."""
import json

import pytest

from .harness import certificates
from .harness.process import run_client
from .harness.server import hook

NAMES = ["example.com", "*.example.com"]


@pytest.fixture(scope="module")
def uacme(world, module_home, locum_path):
    """Runs uacme with words; a Result. The user has registered and put the CNAME in place."""
    storage = module_home / "credentials.json"
    environment = {"LOCUM_SERVER": world.server.url, "LOCUM_STORAGE": str(storage)}

    def run(*words):
        return run_client(["uacme", "-v", "-c", "uacme", "-a", world.ca.directory, "-y",
                           "-h", str(hook("uacme")), *words],
                          module_home, [locum_path], **environment)

    registered = run_client(["locum", "register", "--domain", "example.com"], module_home,
                            [locum_path], **environment)
    assert registered.code in (0, 3), registered
    account = json.loads(storage.read_text())["example.com"]
    world.add_cname("example.com", account["fulldomain"])
    new = run("new", "you@example.com")
    assert new.code == 0, new
    return run


def check(world, module_home):
    folder = module_home / "uacme"
    return certificates.check(world.ca, [folder / "example.com/cert.pem"],
                              folder / "private/example.com/key.pem", NAMES)


@pytest.fixture(scope="module")
def issued(uacme, world, module_home):
    result = uacme("issue", *NAMES)
    assert result.code == 0, result
    return check(world, module_home)


def test_S1_S4_S7_issues_apex_and_wildcard_back_to_back(issued, world):
    assert len(world.server.ledger("register")) == 1
    assert len(world.server.ledger("update")) == 2


def test_S2_S20_renewal_changes_only_the_delegate(issued, uacme, world, module_home):
    serial = world.serial()
    result = uacme("-f", "issue", *NAMES)
    assert result.code == 0, result
    assert check(world, module_home).serial_number != issued.serial_number
    assert world.serial() == serial


def test_challenges_of_another_type_are_declined(uacme, world, locum_path, module_home):
    """uacme offers http-01 first; the hook must leave it, which uacme takes as "try the next"."""
    result = run_client([hook("uacme"), "begin", "http-01", "example.com", "token", "auth"],
                        module_home, [locum_path], LOCUM_SERVER=world.server.url,
                        LOCUM_STORAGE=str(module_home / "credentials.json"))
    assert result.code != 0, result
