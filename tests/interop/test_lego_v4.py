"""lego 4 as the quick start has it: first run registers, second issues, third renews."""
import stat

import dns.rcode
import pytest

from .harness.quickstart import V4_FIRST, V4_RENEWAL, QuickStart, kinds
from .harness.server import ZONE
from .harness.world import LOCUM

NOT_YET = ("you must provision the following CNAME in your DNS zone and re-run this provider when "
           "it is in place")


@pytest.fixture(scope="module")
def user(world, module_home, lego_v4):
    return QuickStart(world, module_home, lego_v4, V4_FIRST, V4_RENEWAL)


def test_S8_S9_first_run_registers_once_and_nothing_else(user):
    assert user.first.code != 0
    assert kinds(user.first_rows) == ["register"]


def test_S10_credentials_are_stored_under_the_domain(user, world):
    assert user.first
    stored = user.credentials()
    assert list(stored) == ["example.com"]
    account = stored["example.com"]
    assert {"fulldomain", "subdomain", "username", "password", "server_url"} <= set(account)
    assert all(account[key] for key in ("fulldomain", "subdomain", "username", "password"))
    assert account["server_url"] == world.server.base
    assert account["fulldomain"] == f"{account['subdomain']}.{ZONE}"
    assert stat.S_IMODE(user.storage.stat().st_mode) == 0o600


def test_S11_first_run_prints_the_cname_to_add(user):
    assert user.first.code != 0
    account = user.credentials()["example.com"]
    assert NOT_YET in user.first.output
    assert f"_acme-challenge.example.com. CNAME {account['fulldomain']}." in user.first.output


def test_S11_a_new_delegate_resolves_at_once(user, world):
    """Also to the address that unbound asks for on its way to the TXT."""
    assert user.first
    name = user.credentials()["example.com"]["fulldomain"]
    for rdtype in ("A", "TXT", "CNAME"):
        assert world.ask(name, rdtype, LOCUM).rcode() == dns.rcode.NOERROR
        assert world.ask(name, rdtype).rcode() == dns.rcode.NOERROR


def test_S13_second_run_issues_with_one_update_and_no_registration(user):
    assert user.second.code == 0
    assert kinds(user.second_rows) == ["update"]
    assert (user.home / ".lego/certificates/example.com.crt").is_file()


def test_S13_second_run_sees_the_value_at_the_first_look(user):
    """The value is there when /update answers: lego has to repeat no check."""
    assert "Checking DNS record propagation." in user.second.output
    assert "Waiting for DNS record propagation." not in user.second.output


def test_S18_the_certificate_is_the_staging_cas(user, world):
    assert user.second
    issuer = user.second_certificate.issuer.rfc4514_string()
    assert "Pebble" in issuer


def test_S1_nothing_but_the_cname_stands_in_the_users_zone(user, world):
    assert user.second
    zone = world.customer.zone_file("example.com").read_text()
    challenge = [line for line in zone.splitlines() if line.startswith("_acme-challenge")]
    assert challenge == [
        f"_acme-challenge.example.com. 300 CNAME {user.account['fulldomain']}."]


def test_S20_third_run_renews_and_runs_the_hook(user):
    assert user.third.code == 0
    assert user.third_certificate.serial_number != user.second_certificate.serial_number
    assert kinds(user.third_rows) == ["update"]
    assert len(list(user.home.glob("renewed-*"))) == 1


def test_S20_renews_again_with_old_values_standing(user, world):
    """Values of earlier runs stay (lego never clears); another renewal finds its own among them."""
    assert user.third
    result = user.run(V4_RENEWAL)
    assert result.code == 0, result
    assert user.certificate().serial_number != user.third_certificate.serial_number
    assert len(world.resolve("_acme-challenge.example.com")) >= 2


def test_S12_renews_after_the_server_was_restarted(user, world):
    assert user.third
    before = user.certificate()
    world.server.daemon.restart()
    result = user.run(V4_RENEWAL)
    assert result.code == 0, result
    assert user.certificate().serial_number != before.serial_number
    assert len(world.server.ledger("register")) == 1
    assert user.credentials()["example.com"] == user.account


def test_S2_the_users_zone_is_the_same_before_and_after(user, world):
    assert user.third
    assert world.customer.zone_file("example.com").read_bytes() == user.zone_before
    assert world.serial() == user.serial_before


def test_S9_an_allow_list_goes_with_the_registration(world, home, lego_v4):
    """ACME_DNS_ALLOWLIST makes lego send a body with its /register."""
    tester = QuickStart(world, home, lego_v4, V4_FIRST.replace("example.com \\\n  --s",
                                                               "www.example.com \\\n  --s"),
                        V4_RENEWAL)
    result = tester.run(tester.command, ACME_DNS_ALLOWLIST="127.0.0.0/8,2001:db8::/32")
    assert NOT_YET in result.output
    account = tester.credentials()["www.example.com"]
    assert world.resolve(account["fulldomain"]) == []


def test_S3_the_users_other_names_are_what_they_were(user, world):
    assert user.third
    assert world.resolve("example.com", "A") == ["192.0.2.80"]
    assert world.resolve("www.example.com", "AAAA") == ["2001:db8::80"]
    assert world.resolve("example.com", "MX") == ["10 mail.example.com."]
