"""lego 4 with credentials that are there already: on another machine, other options and CAs."""
import json
import re

import pytest

from .harness.quickstart import V4_FIRST, V4_RENEWAL, QuickStart
from .harness.world import RESOLVER


@pytest.fixture(scope="module")
def account(world):
    """Credentials for example.com, with the CNAME in place."""
    account = world.server.register()
    world.add_cname("example.com", account["fulldomain"])
    return account


@pytest.fixture
def user(account, world, home, lego_v4):
    """lego in a new folder that holds the credentials only.

    lego never clears, and Pebble asks without EDNS and does not go on to TCP: from eight values on
    it would see none. So the values of earlier tests are cleared, which no CA out there needs.
    """
    world.server.clear(account)
    user = QuickStart(world, home, lego_v4, V4_FIRST, V4_RENEWAL)
    user.storage.write_text(json.dumps({"example.com": account}))
    return user


def test_S5_the_holder_of_the_credentials_renews_alone(user):
    """A web server with lego-creds.json, and nothing from the user's DNS, issues and renews."""
    result = user.run(V4_FIRST)
    assert result.code == 0, result
    first = user.certificate()
    result = user.run(V4_RENEWAL)
    assert result.code == 0, result
    assert user.certificate().serial_number != first.serial_number


@pytest.mark.parametrize("resolver", [RESOLVER, f"{RESOLVER}:53"])
def test_S16_another_resolver(user, resolver):
    result = user.run(V4_FIRST.replace("  run\n", f"  --dns.resolvers {resolver} run\n"))
    assert result.code == 0, result
    user.certificate()


def test_S17_without_the_propagation_check(user):
    """The CA asks within milliseconds of /update's answer."""
    result = user.run(V4_FIRST.replace("  run\n", "  --dns.disable-cp run\n"))
    assert result.code == 0, result
    user.certificate()


def test_S19_another_ca_with_the_same_credentials_and_cname(user, account, world):
    before = world.server.ledger("register")
    result = user.run(V4_FIRST, ca=world.other_ca)
    assert result.code == 0, result
    user.certificate(ca=world.other_ca)
    assert world.server.ledger("register") == before
    assert user.credentials() == {"example.com": account}


def test_S4_S21_the_delegate_test_apex_and_wildcard(world, home, lego_v4):
    """Credentials made beforehand, keyed by the user's own domain, and the CNAME in place."""
    domain = "acme-dns-delegate-test.example.com"
    tester = QuickStart(world, home, lego_v4, V4_FIRST, V4_RENEWAL)
    account = world.server.register()
    tester.storage.write_text(json.dumps({domain: account}))
    world.add_cname(domain, account["fulldomain"])
    result = tester.run(
        V4_FIRST.replace("  --domains example.com \\\n",
                         f"  --domains {domain} \\\n  --domains *.{domain} \\\n"))
    assert result.code == 0, result
    tester.certificate([domain, f"*.{domain}"])
    values = world.resolve(f"_acme-challenge.{domain}")
    assert len(values) == 2 and all(re.fullmatch(r'"[A-Za-z0-9_-]{43}"', v) for v in values)


def test_S24_base_with_a_final_slash_and_without_a_path(user, world):
    """Plain acme-dns clients are given the server's root; a final slash is forgiven."""
    for base in (world.server.url, world.server.base + "/"):
        result = user.run(V4_FIRST.replace("{base}", base))
        assert result.code == 0, result
        user.certificate()
