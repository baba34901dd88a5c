"""What delegation promises, seen from the resolver, the user's zone and the holder of a key."""
import json
import time

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.update
import pytest

from .harness.process import await_condition, seconds
from .harness.server import COMPAT, ZONE, make_txt
from .harness.unbound import Unbound
from .harness.world import CUSTOMER, LOCUM, PARENTS

TCP_RESOLVER = "127.0.0.21"

NUMBERS = iter(range(1, 1000000))


def new_value():
    return make_txt(f"delegation {next(NUMBERS)}")


@pytest.fixture
def delegated(world, request):
    """(domain, account): a name of the user's with its CNAME in place."""
    domain = f"n{next(NUMBERS)}.example.com"
    account = world.server.register()
    world.add_cname(domain, account["fulldomain"])
    return domain, account


@pytest.fixture(scope="module")
def apex(world):
    """The account behind example.com's own CNAME."""
    account = world.server.register()
    world.add_cname("example.com", account["fulldomain"])
    return account


def updated(world, account, value):
    status, body = world.server.update(account, value)
    assert status == 200, (status, body)


def soa_minimum(answer):
    soa = answer.authority[0]
    return min(soa.ttl, soa[0].minimum)


# ---- the world itself ----

def test_the_resolver_validates(world):
    """An unsigned zone below signed ones is what most users have."""
    query = dns.message.make_query("com", "SOA")
    query.flags |= dns.flags.AD
    assert dns.query.udp(query, world.resolver.address, seconds(5)).flags & dns.flags.AD


def test_S7_the_users_name_server_has_no_api(world):
    """Its zone is a file: neither updates nor transfers are taken, only an editor changes it."""
    before = world.serial()
    change = dns.update.Update("example.com")
    change.add("_acme-challenge", 300, "TXT", "x")
    assert dns.query.udp(change, CUSTOMER, seconds(5)).rcode() in (
        dns.rcode.REFUSED, dns.rcode.NOTAUTH)
    assert world.serial() == before


# ---- S1, S3 ----

def test_S1_a_lookup_below_the_users_domain_ends_at_our_server(delegated, world):
    domain, account = delegated
    value = new_value()
    updated(world, account, value)
    assert world.resolve(f"_acme-challenge.{domain}") == [f'"{value}"']
    assert world.resolve(f"_acme-challenge.{domain}", "CNAME") == [account["fulldomain"] + "."]


def test_S1_a_lookup_by_tcp_ends_there_too(delegated, world):
    _, account = delegated
    value = new_value()
    updated(world, account, value)
    answer = world.ask(account["fulldomain"], "TXT", LOCUM, tcp=True)
    assert [rdata.to_text() for rdata in answer.answer[0]] == [f'"{value}"']


def test_S1_a_resolver_that_speaks_tcp_only_ends_there_too(delegated, world, tmp_path):
    domain, account = delegated
    value = new_value()
    updated(world, account, value)
    resolver = Unbound(tmp_path, TCP_RESOLVER, PARENTS, world.parents.trust_anchor("."),
                       "tcp-only", ["tcp-upstream: yes"])
    resolver.start()
    try:
        answer = world.ask(f"_acme-challenge.{domain}", "TXT", TCP_RESOLVER)
    finally:
        resolver.stop()
    assert [rdata.to_text() for rdata in answer.answer[-1]] == [f'"{value}"']


@pytest.mark.parametrize("name, rdtype, expected", [
    ("example.com", "A", ["192.0.2.80"]),
    ("example.com", "AAAA", ["2001:db8::80"]),
    ("example.com", "MX", ["10 mail.example.com."]),
    ("example.com", "TXT", ['"v=spf1 mx -all"']),
    ("example.com", "NS", ["ns1.example.com."]),
    ("mail.example.com", "A", ["192.0.2.25"]),
    ("www.example.com", "A", ["192.0.2.80"]),
])
def test_S3_other_names_resolve_as_before(apex, world, name, rdtype, expected):
    updated(world, apex, new_value())
    assert world.resolve(name, rdtype) == expected


@pytest.mark.parametrize("name", ["example.com", "_acme-challenge.example.com", "org", ".",
                                  "example.org", "ns1.example.com"])
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_S3_our_server_refuses_every_other_zone(world, name, tcp):
    for rdtype in ("A", "TXT", "NS", "SOA"):
        answer = world.ask(name, rdtype, LOCUM, tcp=tcp)
        assert answer.rcode() == dns.rcode.REFUSED
        assert not answer.answer and not answer.authority


def test_S3_our_server_is_authoritative_for_its_zone(delegated, world):
    _, account = delegated
    for name, rdtype in ((ZONE, "SOA"), (ZONE, "NS"), (account["fulldomain"], "TXT")):
        answer = world.ask(name, rdtype, LOCUM)
        assert answer.rcode() == dns.rcode.NOERROR
        assert answer.flags & dns.flags.AA
    assert not world.ask(ZONE, "SOA", LOCUM).flags & dns.flags.RA


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_S1_names_come_back_in_the_letters_of_the_question(delegated, world, tcp):
    """0x20: unbound would get by without it (it asks again and again), others would not."""
    _, account = delegated
    updated(world, account, new_value())
    mixed = "".join(c.upper() if i % 2 else c for i, c in enumerate(account["fulldomain"] + "."))
    answer = world.ask(mixed, "TXT", LOCUM, tcp=tcp)
    assert answer.question[0].name.to_text() == mixed
    assert answer.answer[0].name.to_text() == mixed


# ---- S2, S5, S6 ----

def test_S2_an_update_leaves_the_users_zone_alone(delegated, world):
    _, account = delegated
    before = world.serial(), world.customer.zone_file("example.com").read_bytes()
    updated(world, account, new_value())
    assert (world.serial(), world.customer.zone_file("example.com").read_bytes()) == before


def test_S5_S6_a_key_changes_no_other_delegate(delegated, world):
    _, account = delegated
    other = world.server.register()
    value = new_value()
    updated(world, other, value)
    status, body = world.server.update(account, new_value(), subdomain=other["subdomain"])
    assert (status, body) == (401, b'{"error": "forbidden"}')
    assert world.resolve(other["fulldomain"]) == [f'"{value}"']


@pytest.mark.parametrize("subdomain", ["ns1", "@", "*", "", ZONE, "example.com",
                                       "_acme-challenge.example.com"])
def test_S5_a_key_changes_no_other_name_of_the_zone(delegated, world, subdomain):
    _, account = delegated
    status, body = world.server.http(
        "POST", COMPAT + "/update", {"subdomain": subdomain, "txt": new_value()},
        {"X-Api-User": account["username"], "X-Api-Key": account["password"]})
    assert (status, body) == (401, b'{"error": "forbidden"}')
    assert world.ask(ZONE, "TXT", LOCUM).answer == []
    assert world.resolve("ns1." + ZONE, "A") == [LOCUM]


@pytest.mark.parametrize("value", ["", "x", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + " ",
                                   "v=spf1 include:example.net -all", None, 7, ["A" * 43]])
def test_S6_only_values_of_acme_form_are_taken(delegated, world, value):
    _, account = delegated
    status, body = world.server.update(account, value)
    assert (status, body) == (400, b'{"error": "bad_txt"}')
    assert world.resolve(account["fulldomain"]) == []


@pytest.mark.parametrize("rdtype", ["A", "AAAA", "MX", "CNAME", "NS", "CAA", "SOA"])
def test_S6_a_delegate_answers_txt_and_nothing_else(delegated, world, rdtype):
    _, account = delegated
    updated(world, account, new_value())
    answer = world.ask(account["fulldomain"], rdtype, LOCUM)
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.answer == []


@pytest.mark.parametrize("path", ["/admin/status", "/admin/ledger", "/admin/tokens"])
def test_S6_a_key_opens_nothing_of_the_operators(delegated, world, path):
    _, account = delegated
    status, body = world.server.http(
        "GET", path, headers={"X-Api-User": account["username"],
                              "X-Api-Key": account["password"]})
    assert status == 404, (status, body)


def test_S5_no_door_for_updates_by_dns(delegated, world):
    _, account = delegated
    change = dns.update.Update(ZONE)
    change.replace(account["subdomain"], 0, "TXT", new_value())
    assert dns.query.udp(change, LOCUM, seconds(5)).rcode() in (
        dns.rcode.NOTIMP, dns.rcode.REFUSED)
    assert world.resolve(account["fulldomain"]) == []


# ---- S11, S15 ----

def test_S11_a_new_delegate_is_there_without_a_value(world):
    """QNAME minimisation asks for an address first: NXDOMAIN there would end the walk."""
    account = world.server.register()
    for rdtype in ("A", "TXT"):
        answer = world.ask(account["fulldomain"], rdtype)
        assert answer.rcode() == dns.rcode.NOERROR
        assert soa_minimum(answer) <= 1


def test_S15_what_we_say_is_not_kept_for_long(delegated, world):
    _, account = delegated
    assert soa_minimum(world.ask(account["fulldomain"], "TXT", LOCUM)) <= 1
    assert soa_minimum(world.ask(account["fulldomain"], "A", LOCUM)) <= 1
    updated(world, account, new_value())
    assert world.ask(account["fulldomain"], "TXT", LOCUM).answer[0].ttl <= 1


def seen_after(world, name, value):
    """Seconds until the resolver gives VALUE among NAME's."""
    started = time.monotonic()
    await_condition(lambda: f'"{value}"' in world.resolve(name), timeout=10)
    return time.monotonic() - started


def test_S15_a_resolver_that_asked_before_sees_the_first_value_within_two_seconds(delegated, world):
    domain, account = delegated
    name = f"_acme-challenge.{domain}"
    assert world.resolve(name) == []
    value = new_value()
    updated(world, account, value)
    assert seen_after(world, name, value) <= 2


def test_S15_a_resolver_that_kept_a_value_sees_the_next_within_two_seconds(delegated, world):
    domain, account = delegated
    name = f"_acme-challenge.{domain}"
    for _ in range(3):
        value = new_value()
        updated(world, account, value)
        assert seen_after(world, name, value) <= 2


def test_S17_the_value_stands_when_update_answers(delegated, world):
    _, account = delegated
    for _ in range(20):
        value = new_value()
        updated(world, account, value)
        answer = world.ask(account["fulldomain"], "TXT", LOCUM)
        assert f'"{value}"' in [rdata.to_text() for rdata in answer.answer[0]]


# ---- S9, S24 ----

@pytest.mark.parametrize("prefix", [COMPAT, ""], ids=["compat", "root"])
def test_S9_S24_the_three_paths(world, prefix):
    """Literally so, below the base URL and at the root; a registration needs no body."""
    assert world.server.http("GET", prefix + "/health") == (200, b"")
    status, body = world.server.http("POST", prefix + "/register")
    assert status == 201
    account = json.loads(body)
    assert account["server_url"] == world.server.base
    value = new_value()
    credentials = {"X-Api-User": account["username"], "X-Api-Key": account["password"]}
    answer = world.server.http("POST", prefix + "/update",
                               {"subdomain": account["subdomain"], "txt": value}, credentials)
    assert answer == (200, f'{{"txt": "{value}"}}'.encode())
    assert world.resolve(account["fulldomain"]) == [f'"{value}"']
