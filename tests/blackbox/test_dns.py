"""What the DNS side answers: names, types, negatives, static records, zones (unsigned)."""
import pathlib
import random
import struct

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import pytest

import harness
from harness import ZONE, make_txt

pytestmark = pytest.mark.mended

RECORDS = """\
@ 3600 IN A 198.51.100.1
@ 3600 IN AAAA 2001:db8::1
@ IN MX 0 .
@ 60 IN TXT "v=spf1 -all" "MixedCase Value"
@ 60 IN TXT "two"
@ IN CAA 0 issue "CA.example; Key=VaLue"
host 120 IN A 198.51.100.2
host IN A 198.51.100.3
Mixed.Case IN TXT "KEEP my Letters"
a.b.c 60 IN A 198.51.100.4   ; b.c and c are empty non-terminals
www 60 IN CNAME host
chain1 60 IN CNAME chain2
chain2 60 IN CNAME host
empty-end 60 IN CNAME c
gone 60 IN CNAME nothing-here
away 60 IN CNAME www.example.com.
loop1 60 IN CNAME loop2
loop2 60 IN CNAME loop1
self 60 IN CNAME self
other 60 IN CNAME host.second.example.net.
_sip._tcp 60 IN SRV 1 2 5060 host
_25._tcp 60 IN TLSA 3 1 1 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF
ptr 60 IN PTR Host.Example.COM.
unknown 60 IN TYPE65280 \\# 4 0A000001
sshfp 60 IN SSHFP 4 2 123456789ABCDEF67890123456789ABCDEF67890123456789ABCDEF123456789
naptr 60 IN NAPTR 100 10 "U" "E2U+sip" "!^.*$!sip:a@example.com!" .
long 60 IN TXT ( "%s"
                 "%s" )
escaped 60 IN TXT "a\\"b\\\\c;d" unquoted
sub.domain.auth.example.org. 60 IN A 198.51.100.9
""" % ("x" * 255, "y" * 200) + "".join(f'many 60 IN TXT "{i:03d}{"z" * 60}"\n' for i in range(40))

SECOND = "second.example.net"


def make_server(**config):
    listen = ["127.0.0.1:0"] + (["[::1]:0"] if harness.has_ipv6() else [])
    return harness.Locumd(dns={"listen": listen, "threads": 2}, zones=[
        {"name": ZONE, "contact": "host.master@example.org", "records": RECORDS,
         "nameservers": [f"ns1.{ZONE} 127.0.0.1 ::1", "ns2.example.net"]},
        {"name": SECOND, "contact": "hostmaster@example.org", "nameservers": ["ns1.example.net"],
         "records": "host 60 IN A 203.0.113.1\n", "txt-ttl": 5, "negative-ttl": 7},
        {"name": "deep.auth.example.org", "contact": "hostmaster@example.org",
         "nameservers": ["ns1.example.net"]},
    ], **config)


@pytest.fixture(scope="module")
def server():
    with make_server() as daemon:
        yield daemon


@pytest.fixture(params=["udp4", "tcp4"] + (["udp6", "tcp6"] if harness.has_ipv6() else []))
def ask(request, server):
    """Asks over each transport and family."""
    def query(name, rdtype="TXT", **options):
        return server.query(name, rdtype, tcp=request.param.startswith("tcp"),
                            host="::1" if request.param.endswith("6") else "127.0.0.1", **options)
    return query


def texts(answer):
    return [b"".join(rdata.strings).decode() for rrset in answer.answer for rdata in rrset]


def is_authoritative(answer):
    return bool(answer.flags & dns.flags.AA)


def soa_of(answer, zone=ZONE, ttl=1):
    """The SOA of a negative answer: alone in the authority section, with a small TTL."""
    assert answer.answer == []
    assert len(answer.authority) == 1, answer
    rrset = answer.authority[0]
    assert rrset.name == dns.name.from_text(zone)
    assert rrset.rdtype == dns.rdatatype.SOA
    assert rrset.ttl == rrset[0].minimum == ttl
    return rrset[0]


def is_nodata(answer, zone=ZONE, ttl=1):
    assert answer.rcode() == dns.rcode.NOERROR, answer
    assert is_authoritative(answer)
    soa_of(answer, zone, ttl)
    assert answer.additional == []
    return True


def is_nxdomain(answer, zone=ZONE, ttl=1):
    assert answer.rcode() == dns.rcode.NXDOMAIN, answer
    assert is_authoritative(answer)
    soa_of(answer, zone, ttl)
    return True


def is_refused(answer):
    assert answer.rcode() == dns.rcode.REFUSED, answer
    assert not is_authoritative(answer)
    assert answer.answer == answer.authority == answer.additional == []
    return True


# ---- delegates ----

def test_delegate_answers_its_values(server, ask):
    delegate = server.register()
    values = [make_txt(i) for i in range(2)]
    for value in values:
        server.update(delegate, value)
    answer = ask(delegate.fulldomain)
    assert answer.rcode() == 0 and is_authoritative(answer)
    rrset, = answer.answer
    assert rrset.ttl == 0
    assert sorted(texts(answer)) == sorted(values)
    assert all(len(rdata.strings) == 1 for rdata in rrset)
    assert answer.authority == [] and answer.additional == []
    assert not answer.flags & (dns.flags.RA | dns.flags.TC | dns.flags.AD)


@pytest.mark.parametrize("filled", [False, True])
@pytest.mark.parametrize("rdtype", ["A", "AAAA", "CAA", "NS", "SOA", "DS", "MX", "CNAME", "HTTPS",
                                    "SVCB", "DNSKEY", "RRSIG", "NSEC", "PTR", "SRV", "SPF", "DNAME",
                                    "TYPE99", "TYPE65280", "TYPE65534", "NULL", "HINFO", "TLSA",
                                    "CDS", "LOC"])
def test_delegate_has_no_other_type(server, ask, rdtype, filled):
    """S6: and that is NODATA, so that nobody caches the name away (S11)."""
    if not hasattr(server, "pair"):
        server.pair = [server.register(), server.register()]
        server.update(server.pair[1], make_txt())
    assert is_nodata(ask(server.pair[filled].fulldomain, rdtype))


def test_registered_but_empty_is_nodata(server, ask):
    assert is_nodata(ask(server.register().fulldomain))


def test_emptied_is_nodata_again(server, ask):
    delegate = server.register()
    server.update(delegate, make_txt())
    server.clear(delegate)
    assert is_nodata(ask(delegate.fulldomain))


def test_names_below_a_delegate_do_not_exist(server, ask):
    delegate = server.register()
    server.update(delegate, make_txt())
    for name in ("_acme-challenge." + delegate.fulldomain, "a.b." + delegate.fulldomain):
        assert is_nxdomain(ask(name))


def test_only_the_whole_name_is_looked_up(server, ask):
    delegate = server.register()
    server.update(delegate, make_txt())
    assert is_nxdomain(ask(delegate.subdomain + ".foo." + ZONE))
    assert is_refused(ask(delegate.subdomain + ".example.com"))
    assert is_refused(ask(delegate.subdomain))
    assert is_nxdomain(ask(delegate.subdomain + "." + SECOND), SECOND, 7)
    assert is_nxdomain(ask(delegate.subdomain[:-1] + "." + ZONE))
    assert is_nxdomain(ask(delegate.subdomain + "0." + ZONE))
    assert is_nxdomain(ask(f"{delegate.subdomain}\\.auth.example.org"[:63] + "." + ZONE))


def test_unregistered_name_is_nxdomain(ask):
    for rdtype in ("TXT", "A", "CAA", "SOA", "NS", "TYPE65280"):
        assert is_nxdomain(ask("6d8b7b5c-ef39-4d3e-8d3a-0a0a0a0a0a0a." + ZONE, rdtype))


def test_any_letter_case_is_the_same_name_and_comes_back(server, ask):
    delegate = server.register()
    server.update(delegate, make_txt())
    for seed in range(5):
        chosen = random.Random(seed)
        name = "".join(chosen.choice((c.lower(), c.upper())) for c in delegate.fulldomain)
        wanted = dns.name.from_text(name)
        answer = ask(name)
        assert texts(answer) == [make_txt()]
        assert answer.question[0].name.labels == wanted.labels
        assert answer.answer[0].name.labels == wanted.labels
        answer = ask(name, "A")
        assert answer.question[0].name.labels == wanted.labels
        assert is_nodata(answer)
        answer = ask("x" + name)
        assert answer.question[0].name.labels == dns.name.from_text("x" + name).labels
        assert is_nxdomain(answer)


def test_letters_of_questions_outside_come_back_too(ask):
    answer = ask("WwW.eXaMpLe.CoM", "A")
    assert answer.question[0].name.labels == (b"WwW", b"eXaMpLe", b"CoM", b"")
    assert is_refused(answer)


def test_delegates_of_two_zones_have_their_own_ttl(locumd):
    server = locumd(zones=[{"name": "ttl.example.net", "contact": "h@example.org", "txt-ttl": 5,
                            "negative-ttl": 9, "nameservers": ["ns1.example.net"]}])
    delegate = server.register()
    assert is_nodata(server.query(delegate.fulldomain), "ttl.example.net", 9)
    server.update(delegate, make_txt())
    assert server.query(delegate.fulldomain).answer[0].ttl == 5


# ---- any type at all ----

@pytest.mark.parametrize("rdtype", [10, 13, 41, 100, 127, 128, 129, 248, 253, 254, 256, 1000, 32768,
                                    65279, 65281, 65535])
def test_every_number_of_a_type_gets_an_answer(server, rdtype):
    for name in (ZONE, "host." + ZONE, "nothing." + ZONE):
        wire = server.raw_udp(harness.wire_query(name, rdtype))
        assert wire is not None, "no answer at all"
        rcode = struct.unpack("!H", wire[2:4])[0] & 15
        if rdtype in (41, 128, 249, 250, 251):  # types of messages, not of data: may be FORMERR
            assert rcode in (0, 1, 3, 5), rcode
        else:
            assert rcode == (3 if name.startswith("nothing") else 0), rcode


def test_any_is_answered_without_amplification(server, ask):
    for name in (ZONE, "many." + ZONE, "host." + ZONE, server.register().fulldomain):
        answer = ask(name, "ANY")
        assert answer.rcode() == 0 and is_authoritative(answer)
        assert len(answer.answer) <= 1
        if not answer.answer:
            assert answer.flags & dns.flags.TC or is_nodata(answer)
    assert is_nxdomain(ask("nothing." + ZONE, "ANY"))
    wire = server.raw_udp(harness.wire_query("many." + ZONE, "ANY"))
    assert len(wire) <= 512


# ---- the apex ----

def test_soa_at_the_apex(ask):
    answer = ask(ZONE, "SOA")
    assert answer.rcode() == 0 and is_authoritative(answer)
    rrset, = answer.answer
    soa = rrset[0]
    assert soa.mname == dns.name.from_text("ns1." + ZONE)
    assert soa.rname == dns.name.from_text(r"host\.master.example.org")
    assert rrset.ttl == soa.minimum == 1
    assert soa.serial > 0 and soa.refresh > 0 and soa.retry > 0 and soa.expire > soa.refresh


def test_nameservers_at_the_apex_come_with_glue(ask):
    answer = ask(ZONE, "NS")
    assert answer.rcode() == 0 and is_authoritative(answer)
    rrset, = answer.answer
    assert {rdata.target.to_text() for rdata in rrset} == {f"ns1.{ZONE}.", "ns2.example.net."}
    assert 3600 <= rrset.ttl <= 86400
    glue = {(rrset.name.to_text(), dns.rdatatype.to_text(rrset.rdtype), rdata.to_text())
            for rrset in answer.additional for rdata in rrset}
    assert glue == {(f"ns1.{ZONE}.", "A", "127.0.0.1"), (f"ns1.{ZONE}.", "AAAA", "::1")}


def test_addresses_of_a_nameserver_inside_the_zone(ask):
    for rdtype, address in (("A", "127.0.0.1"), ("AAAA", "::1")):
        answer = ask("ns1." + ZONE, rdtype)
        assert is_authoritative(answer)
        assert [rdata.address for rdata in answer.answer[0]] == [address]
    assert is_nodata(ask("ns1." + ZONE, "TXT"))


@pytest.mark.parametrize("rdtype", ["DNSKEY", "DS", "HTTPS", "CNAME", "SRV", "TYPE65280", "CDS"])
def test_apex_without_the_type_is_nodata(ask, rdtype):
    assert is_nodata(ask(ZONE, rdtype))


def test_records_at_the_apex(ask):
    assert [rdata.address for rdata in ask(ZONE, "A").answer[0]] == ["198.51.100.1"]
    assert [rdata.address for rdata in ask(ZONE, "AAAA").answer[0]] == ["2001:db8::1"]
    assert [rdata.to_text() for rdata in ask(ZONE, "MX").answer[0]] == ["0 ."]
    assert [rdata.to_text() for rdata in ask(ZONE, "CAA").answer[0]] == [
        '0 issue "CA.example; Key=VaLue"']
    answer = ask(ZONE, "TXT")
    assert sorted(rdata.strings for rdata in answer.answer[0]) == [
        (b"two",), (b"v=spf1 -all", b"MixedCase Value")]
    assert answer.answer[0].ttl == 60


# ---- static records ----

@pytest.mark.parametrize("name,rdtype,wanted", [
    ("_sip._tcp", "SRV", f"1 2 5060 host.{ZONE}."), ("ptr", "PTR", "Host.Example.COM."),
    ("_25._tcp", "TLSA", "3 1 1 " + "0123456789abcdef" * 4), ("unknown", "TYPE65280", r"\# 4 0a000001"),
    ("sshfp", "SSHFP", "4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789"),
    ("naptr", "NAPTR", '100 10 "U" "E2U+sip" "!^.*$!sip:a@example.com!" .'),
    ("mixed.case", "TXT", '"KEEP my Letters"'), ("long", "TXT", f'"{"x" * 255}" "{"y" * 200}"'),
    ("escaped", "TXT", r'"a\"b\\c;d" "unquoted"'), ("a.b.c", "A", "198.51.100.4"),
    ("ns1", "A", "127.0.0.1")])
def test_static_records_come_as_written(ask, name, rdtype, wanted):
    answer = ask(f"{name}.{ZONE}", rdtype)
    assert answer.rcode() == 0 and is_authoritative(answer)
    assert [rdata.to_text() for rdata in answer.answer[0]] == [wanted]
    assert is_nodata(ask(f"{name}.{ZONE}", "HINFO"))


def test_several_records_of_one_type_have_one_ttl(ask):
    answer = ask("host." + ZONE, "A")
    assert {rdata.address for rdata in answer.answer[0]} == {"198.51.100.2", "198.51.100.3"}
    assert len(answer.answer) == 1  # RFC 2181 section 5.2
    assert answer.answer[0].ttl == 120


@pytest.mark.parametrize("name", ["b.c", "c", "_tcp", "case"])
@pytest.mark.parametrize("rdtype", ["TXT", "A", "NS", "CAA"])
def test_empty_non_terminals_exist(ask, name, rdtype):
    assert is_nodata(ask(f"{name}.{ZONE}", rdtype))


def test_names_beside_empty_non_terminals_do_not(ask):
    for name in ("x.b.c", "x.c", "x._tcp", "x.a.b.c", "x.host", "_udp"):
        assert is_nxdomain(ask(f"{name}.{ZONE}", "A"))


def test_record_with_an_absolute_owner_outside_is_refused_at_start():
    zone = dict(harness.default_config(pathlib.Path("/"))["zones"][0],
                records="www.example.com. 60 IN A 198.51.100.1\n")
    with pytest.raises(harness.StartFailed) as failure:
        harness.Locumd(zones=[zone])
    assert failure.value.returncode == 2
    assert "www.example.com" in failure.value.stderr


# ---- CNAMEs ----

def chain(answer):
    return [(rrset.name.to_text(), dns.rdatatype.to_text(rrset.rdtype)) for rrset in answer.answer]


def test_cname_inside_the_zone_is_followed(ask):
    answer = ask("www." + ZONE, "A")
    assert answer.rcode() == 0 and is_authoritative(answer)
    assert chain(answer) == [(f"www.{ZONE}.", "CNAME"), (f"host.{ZONE}.", "A")]
    answer = ask("chain1." + ZONE, "A")
    assert chain(answer) == [(f"chain1.{ZONE}.", "CNAME"), (f"chain2.{ZONE}.", "CNAME"),
                             (f"host.{ZONE}.", "A")]


def test_cname_itself_is_not_followed(ask):
    for rdtype in ("CNAME", ):
        answer = ask("www." + ZONE, rdtype)
        assert chain(answer) == [(f"www.{ZONE}.", "CNAME")]
        assert answer.authority == []


def test_cname_to_nodata_and_to_nothing(ask):
    answer = ask("www." + ZONE, "MX")
    assert answer.rcode() == dns.rcode.NOERROR
    assert chain(answer) == [(f"www.{ZONE}.", "CNAME")]
    assert [rrset.rdtype for rrset in answer.authority] == [dns.rdatatype.SOA]
    answer = ask("empty-end." + ZONE, "A")
    assert answer.rcode() == dns.rcode.NOERROR
    assert [rrset.rdtype for rrset in answer.authority] == [dns.rdatatype.SOA]
    answer = ask("gone." + ZONE, "A")
    assert answer.rcode() == dns.rcode.NXDOMAIN  # RFC 2308 section 2.1, RFC 6604
    assert chain(answer) == [(f"gone.{ZONE}.", "CNAME")]
    assert [rrset.rdtype for rrset in answer.authority] == [dns.rdatatype.SOA]


def test_cname_out_of_our_zones_ends_the_answer(ask):
    answer = ask("away." + ZONE, "A")
    assert answer.rcode() == 0 and is_authoritative(answer)
    assert chain(answer) == [(f"away.{ZONE}.", "CNAME")]
    assert answer.authority == [] and answer.additional == []


def test_cname_into_another_zone_of_ours(ask):
    answer = ask("other." + ZONE, "A")
    assert answer.rcode() == 0
    assert chain(answer)[0] == (f"other.{ZONE}.", "CNAME")
    assert chain(answer)[1:] in ([], [(f"host.{SECOND}.", "A")])


@pytest.mark.parametrize("name", ["loop1", "self"])
def test_cname_loops_end(ask, name):
    answer = ask(f"{name}.{ZONE}", "A")
    assert answer.rcode() in (dns.rcode.NOERROR, dns.rcode.SERVFAIL)
    assert len(answer.answer) <= 9


def test_static_cname_to_a_delegate_is_followed(locumd):
    server = locumd()
    delegate = server.register()
    server.update(delegate, make_txt())
    server.restart(zones=[dict(server.config["zones"][0],
                               records=f"_acme-challenge 60 IN CNAME {delegate.subdomain}\n")])
    for tcp in (False, True):
        answer = server.query("_acme-challenge." + ZONE, tcp=tcp)
        assert chain(answer) == [(f"_acme-challenge.{ZONE}.", "CNAME"),
                                 (delegate.fulldomain + ".", "TXT")]
        assert answer.answer[1].ttl == 0


# ---- zones ----

@pytest.mark.parametrize("name", ["example.org", "org", ".", "example.com", "www.example.com",
                                  "xauth.example.org", "auth.example.org.evil.example",
                                  "uth.example.org", "_acme-challenge.example.org"])
@pytest.mark.parametrize("rdtype", ["TXT", "SOA", "NS", "A", "ANY"])
def test_outside_our_zones_is_refused(ask, name, rdtype):
    """S3: a user's own domain is not ours to answer for."""
    assert is_refused(ask(name, rdtype))


def test_refusal_is_no_larger_than_the_question(server):
    query = harness.wire_query("www.example.com", "A")
    assert len(server.raw_udp(query)) <= len(query)


def test_several_zones_each_with_their_own_apex(ask):
    for zone, ttl in ((ZONE, 1), (SECOND, 7), ("deep." + ZONE, 1)):
        answer = ask(zone, "SOA")
        assert answer.answer[0].name == dns.name.from_text(zone)
        assert answer.answer[0].ttl == ttl
        assert is_nxdomain(ask("nothing." + zone), zone, ttl)
        assert is_nodata(ask(zone, "HINFO"), zone, ttl)
    assert [rdata.address for rdata in ask("host." + SECOND, "A").answer[0]] == ["203.0.113.1"]


def test_longest_zone_answers(ask):
    assert is_nxdomain(ask("host.deep." + ZONE), "deep." + ZONE)
    assert is_nxdomain(ask("host.dee." + ZONE))


def test_zone_names_have_no_case(ask):
    assert [rdata.address for rdata in ask("HOST.second.EXAMPLE.net", "A").answer[0]] == ["203.0.113.1"]


# ---- time ----

def serial(server, zone=ZONE):
    return server.query(zone, "SOA").answer[0][0].serial


def test_serial_grows_with_each_change(server):
    delegate = server.register()
    before = serial(server)
    for number in range(3):
        server.update(delegate, make_txt(number))
        now = serial(server)
        assert 0 < (now - before) % 2**32 < 2**31  # RFC 1982
        assert soa_of(server.query("nothing." + ZONE)).serial == now
        assert server.query(ZONE, "SOA", tcp=True).answer[0][0].serial == now
        before = now
    server.clear(delegate)
    assert 0 < (serial(server) - before) % 2**32 < 2**31


def test_serial_does_not_go_back_over_a_restart(locumd):
    server = locumd()
    delegate = server.register()
    for number in range(20):
        server.update(delegate, make_txt(number))
    before = serial(server)
    server.restart(kill=True)
    assert (serial(server) - before) % 2**32 < 2**31


def test_200_means_every_answer_has_it(server, ask):
    """S15, S17: read your own write, over each transport, again and again."""
    delegate = server.register()
    for number in range(50):
        value = make_txt(f"fresh{number}")
        server.update(delegate, value)
        assert value in texts(ask(delegate.fulldomain, edns=0))


def test_201_means_the_name_exists(server, ask):
    for _ in range(20):
        assert is_nodata(ask(server.register().fulldomain))
