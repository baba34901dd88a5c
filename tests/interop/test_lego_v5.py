"""lego 5, whose command line is another: flags follow `run`, and `run` renews too."""
import json
import shutil

import pytest

from .harness.quickstart import V5_FIRST, V5_RENEWAL, QuickStart, kinds
from .harness.world import RESOLVER


@pytest.fixture(scope="module")
def user(world, module_home, lego_v5):
    return QuickStart(world, module_home, lego_v5, V5_FIRST, V5_RENEWAL)


@pytest.fixture
def another(user, world, home, lego_v5):
    """The same user's certificate client in a new folder that holds the credentials only.

    lego never clears, and Pebble asks without EDNS and does not go on to TCP: from eight values on
    it would see none. So the values of earlier tests are cleared, which no CA out there needs.
    """
    world.server.clear(user.account)
    copy = QuickStart(world, home, lego_v5, V5_FIRST, V5_RENEWAL)
    shutil.copy(user.storage, copy.storage)
    return copy


def test_S9_S10_S11_S22_first_run_registers_and_prints_the_cname(user, world):
    assert user.first.code != 0
    assert kinds(user.first_rows) == ["register"]
    account = user.credentials()["example.com"]
    assert account["server_url"] == world.server.base
    assert "must provision the following CNAME" in user.first.output
    assert f"_acme-challenge.example.com. CNAME {account['fulldomain']}." in user.first.output


def test_S13_S22_second_run_issues(user):
    assert user.second.code == 0
    assert kinds(user.second_rows) == ["update"]


def test_S13_S22_second_run_sees_the_value_at_the_first_look(user):
    """With a full stop: the check has failed and is repeated."""
    assert "waiting for record propagation" in user.second.output
    assert "waiting for record propagation." not in user.second.output


def test_S20_S22_third_run_renews_and_runs_the_hook(user):
    assert user.third.code == 0
    assert user.third_certificate.serial_number != user.second_certificate.serial_number
    assert kinds(user.third_rows) == ["update"]
    assert len(list(user.home.glob("renewed-*"))) == 1


def test_S2_the_users_zone_is_the_same_before_and_after(user, world):
    assert user.third
    assert world.customer.zone_file("example.com").read_bytes() == user.zone_before
    assert world.serial() == user.serial_before


def test_S16_another_resolver_by_host_and_port(another):
    result = another.run(V5_FIRST.replace("lego run", f"lego run --dns.resolvers {RESOLVER}:53"))
    assert result.code == 0, result
    another.certificate()


def test_S17_without_the_propagation_checks(another):
    """`--dns.disable-cp` is now a wait of one's own choice."""
    result = another.run(V5_FIRST.replace("lego run", "lego run --dns.propagation.wait 1ms"))
    assert result.code == 0, result
    another.certificate()


def test_S19_another_ca_with_the_same_credentials_and_cname(another, world):
    before = world.server.ledger("register")
    result = another.run(V5_FIRST, ca=world.other_ca)
    assert result.code == 0, result
    another.certificate(ca=world.other_ca)
    assert world.server.ledger("register") == before


def test_S4_S21_the_delegate_test_apex_and_wildcard(world, home, lego_v5):
    domain = "acme-dns-delegate-test.example.com"
    tester = QuickStart(world, home, lego_v5, V5_FIRST, V5_RENEWAL)
    account = world.server.register()
    tester.storage.write_text(json.dumps({domain: account}))
    world.add_cname(domain, account["fulldomain"])
    result = tester.run(V5_FIRST.replace("-d example.com", f"-d {domain} -d *.{domain}"))
    assert result.code == 0, result
    tester.certificate([domain, f"*.{domain}"])
