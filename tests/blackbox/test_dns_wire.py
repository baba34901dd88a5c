"""DNS message by message: flags, EDNS, sizes, opcodes, classes, malformed bytes, TCP."""
import random
import socket
import struct
import threading
import time


import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest

import harness
from harness import ZONE, frame, make_txt, read_frame, wire_name, wire_opt, wire_query

pytestmark = pytest.mark.mended

FORMERR, NXDOMAIN, NOTIMP, REFUSED = 1, 3, 4, 5


@pytest.fixture(scope="module")
def server():
    listen = ["127.0.0.1:0"] + (["[::1]:0"] if harness.has_ipv6() else [])
    records = "host 60 IN A 198.51.100.2\n" + "".join(
        f'many 60 IN TXT "{i:03d}{"z" * 60}"\n' for i in range(100))
    with harness.Locumd(dns={"listen": listen, "threads": 2}, zones=[
            {"name": ZONE, "contact": "hostmaster@example.org", "records": records,
             "nameservers": [f"ns1.{ZONE} 127.0.0.1 ::1"]}]) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def full(server):
    """A delegate with sixteen values, as many as fit."""
    delegate = server.register()
    delegate.values = [make_txt(i) for i in range(16)]
    for value in delegate.values:
        server.update(delegate, value)
    return delegate


class Head:
    """The header of an answer."""

    def __init__(self, wire):
        (self.id, self.flags, self.questions, self.answers, self.authority,
         self.additional) = struct.unpack("!HHHHHH", wire[:12])
        self.rcode = self.flags & 15
        self.opcode = self.flags >> 11 & 15
        self.qr = bool(self.flags & 0x8000)
        self.aa = bool(self.flags & 0x0400)
        self.tc = bool(self.flags & 0x0200)
        self.rd = bool(self.flags & 0x0100)
        self.ra = bool(self.flags & 0x0080)
        self.z = bool(self.flags & 0x0040)
        self.ad = bool(self.flags & 0x0020)
        self.cd = bool(self.flags & 0x0010)
        self.counts = (self.questions, self.answers, self.authority, self.additional)


def over_tcp(server, data):
    with server.dns_connection() as sock:
        sock.sendall(frame(data))
        return read_frame(sock)


def both(server, data):
    """The answers' bytes over UDP and TCP."""
    return [server.raw_udp(data, timeout=5), over_tcp(server, data)]


# ---- header ----

@pytest.mark.parametrize("flags", [0, 0x0100, 0x0010, 0x0020, 0x0040, 0x0200, 0x0400, 0x0080, 0x0110,
                                   0x07F0, 0x000F])
def test_flags_of_the_answer(server, flags):
    for ident in (0, 1, 0xFFFF, 0xBEEF):
        for wire in both(server, wire_query("host." + ZONE, "A", ident=ident, flags=flags)):
            head = Head(wire)
            assert head.id == ident
            assert head.qr and head.aa and not head.tc
            assert not head.ra and not head.z and not head.ad
            assert head.rd == bool(flags & 0x0100)
            assert head.cd == bool(flags & 0x0010)
            assert head.opcode == head.rcode == 0


def test_question_comes_back_byte_for_byte(server):
    for name in ("hOsT." + ZONE, "NoThInG." + ZONE, "wWw.ExAmPlE.cOm", r"a\000b\255.\.x." + ZONE):
        query = wire_query(name, "A")
        for wire in both(server, query):
            assert wire[12:len(query)] == query[12:]


def test_owner_of_the_answer_points_at_the_question(server, full):
    wire = server.raw_udp(wire_query(full.fulldomain, "TXT", extra=wire_opt(), counts=(1, 0, 0, 1)))
    at = 12 + len(wire_name(full.fulldomain)) + 4
    for _ in range(16):
        assert wire[at:at + 2] == b"\xc0\x0c"
        kind, klass, ttl, length = struct.unpack("!HHIH", wire[at + 2:at + 12])
        assert (kind, klass, ttl, length) == (16, 1, 0, 44)
        at += 12 + length


@pytest.mark.parametrize("opcode", [1, 2, 3, 4, 5, 6, 7, 15])
def test_other_opcodes_are_not_implemented(server, opcode):
    for query in (wire_query(ZONE, "SOA", flags=opcode << 11),
                  wire_query("example.com", "SOA", flags=opcode << 11),
                  struct.pack("!HHHHHH", 0x1234, opcode << 11, 0, 0, 0, 0)):
        for wire in both(server, query):
            head = Head(wire)
            assert head.rcode == NOTIMP and head.opcode == opcode and head.qr and not head.aa
            assert head.counts[1:] == (0, 0, 0)


@pytest.mark.parametrize("rdtype", ["AXFR", "IXFR"])
@pytest.mark.parametrize("name", [ZONE, "host." + ZONE, "nothing." + ZONE, "example.com"])
def test_transfers_are_refused(server, rdtype, name):
    for wire in both(server, wire_query(name, rdtype)):
        head = Head(wire)
        assert head.rcode == REFUSED and head.counts[1:] == (0, 0, 0)
    soa = (wire_name(name) + struct.pack("!HHIH", 6, 1, 0, 22) + b"\0\0" + b"\0" * 20)
    for wire in both(server, wire_query(name, rdtype, extra=soa, counts=(1, 0, 1, 0))):
        assert Head(wire).rcode == REFUSED


@pytest.mark.parametrize("rdclass", [2, 3, 4, 254, 255, 0, 65535])
@pytest.mark.parametrize("name", [ZONE, "host." + ZONE, "version.bind", "id.server", "example.com"])
def test_other_classes_are_refused(server, name, rdclass):
    for rdtype in ("TXT", "A", "SOA"):
        for wire in both(server, wire_query(name, rdtype, rdclass=rdclass)):
            head = Head(wire)
            assert head.rcode == REFUSED and head.counts[1:] == (0, 0, 0) and not head.aa


# ---- EDNS ----

def opt_of(wire):
    """(payload, extended rcode, version, flags, options) of the OPT; a failure if there is none."""
    message = dns.message.from_wire(wire)
    assert message.edns >= 0, "no OPT"
    return message


def test_no_opt_in_no_opt_out(server):
    for wire in both(server, wire_query("host." + ZONE, "A")):
        assert Head(wire).additional == 0


@pytest.mark.parametrize("payload", [0, 1, 511, 512, 1232, 4096, 65535])
@pytest.mark.parametrize("name", ["host", "nothing", "ns1"])
def test_opt_is_answered_with_ours(server, payload, name):
    query = wire_query(f"{name}.{ZONE}", "A", extra=wire_opt(payload), counts=(1, 0, 0, 1))
    for wire in both(server, query):
        message = opt_of(wire)
        assert message.edns == 0 and message.payload == 1232
        assert message.ednsflags & 0xFFFF == 0
        assert not message.options
        assert message.rcode() == (NXDOMAIN if name == "nothing" else 0)
        assert wire[-11:] == wire_opt(1232)


def test_refusals_and_errors_carry_the_opt_too(server):
    for query, rcode in ((wire_query("example.com", "A", extra=wire_opt(), counts=(1, 0, 0, 1)), REFUSED),
                         (wire_query(ZONE, "AXFR", extra=wire_opt(), counts=(1, 0, 0, 1)), REFUSED),
                         (wire_query(ZONE, "A", 3, extra=wire_opt(), counts=(1, 0, 0, 1)), REFUSED)):
        for wire in both(server, query):
            assert opt_of(wire).rcode() == rcode


def test_do_bit_is_copied(server):
    query = wire_query("host." + ZONE, "A", extra=wire_opt(do=True), counts=(1, 0, 0, 1))
    for wire in both(server, query):
        message = opt_of(wire)
        assert message.ednsflags & dns.flags.DO
        assert [rrset.rdtype for rrset in message.answer] == [dns.rdatatype.A]


@pytest.mark.parametrize("version", [1, 2, 100, 255])
def test_newer_edns_versions_are_badvers(server, version):
    for name in ("host." + ZONE, "nothing." + ZONE, "example.com"):
        query = wire_query(name, "A", extra=wire_opt(version=version), counts=(1, 0, 0, 1))
        for wire in both(server, query):
            message = opt_of(wire)
            assert message.rcode() == dns.rcode.BADVERS
            assert message.edns == 0  # the version we know
            assert message.answer == message.authority == []


@pytest.mark.parametrize("options", [
    struct.pack("!HH", 3, 0), struct.pack("!HH8s", 10, 8, b"clientco"),
    struct.pack("!HHHBB3s", 8, 7, 1, 24, 0, b"\xc0\0\x02"), struct.pack("!HH", 11, 0),
    struct.pack("!HH40s", 12, 40, b"\0" * 40), struct.pack("!HH4s", 65001, 4, b"test"),
    struct.pack("!HH", 3, 0) * 50])
def test_unknown_options_are_ignored(server, options):
    query = wire_query("host." + ZONE, "A", extra=wire_opt(options=options), counts=(1, 0, 0, 1))
    for wire in both(server, query):
        message = opt_of(wire)
        assert message.rcode() == 0
        assert [rdata.address for rdata in message.answer[0]] == ["198.51.100.2"]


def test_opt_need_not_be_the_first_additional_record(server):
    extra = (b"\0" + struct.pack("!HHIH", 65280, 1, 0, 0)) + wire_opt()
    for wire in both(server, wire_query("host." + ZONE, "A", extra=extra, counts=(1, 0, 0, 2))):
        assert opt_of(wire).rcode() in (0, FORMERR)


# ---- sizes ----

def test_sixteen_values_fit_an_edns_answer(server, full):
    query = wire_query(full.fulldomain, "TXT", extra=wire_opt(1232), counts=(1, 0, 0, 1))
    wire = server.raw_udp(query)
    assert len(wire) <= 1232
    head = Head(wire)
    assert not head.tc and head.answers == 16
    message = dns.message.from_wire(wire)
    assert sorted(b"".join(r.strings).decode() for r in message.answer[0]) == sorted(full.values)


@pytest.mark.parametrize("payload", [None, 0, 400, 512, 600, 900])
def test_answer_that_does_not_fit_is_truncated_and_whole_over_tcp(server, full, payload):
    extra, counts = (wire_opt(payload), (1, 0, 0, 1)) if payload is not None else (b"", (1, 0, 0, 0))
    query = wire_query(full.fulldomain, "TXT", extra=extra, counts=counts)
    wire = server.raw_udp(query)
    head = Head(wire)
    assert len(wire) <= max(512, payload or 0)
    assert head.tc and head.qr and head.aa and head.rcode == 0
    assert wire[12:12 + len(wire_name(full.fulldomain)) + 4] == query[12:12 + len(
        wire_name(full.fulldomain)) + 4]
    message = dns.message.from_wire(wire)
    assert (message.edns == 0) == (payload is not None)
    whole = over_tcp(server, query)
    head = Head(whole)
    assert not head.tc and head.answers == 16
    assert sorted(b"".join(r.strings).decode() for r in dns.message.from_wire(whole).answer[0]) == \
        sorted(full.values)


@pytest.mark.parametrize("payload", [1233, 4096, 65535])
def test_udp_answers_never_pass_1232_bytes(server, payload):
    query = wire_query("many." + ZONE, "TXT", extra=wire_opt(payload), counts=(1, 0, 0, 1))
    wire = server.raw_udp(query)
    assert len(wire) <= 1232 and Head(wire).tc
    whole = Head(over_tcp(server, query))
    assert not whole.tc and whole.answers == 100


def test_512_bytes_without_edns(server):
    delegate = server.register()
    size = 12 + len(wire_name(delegate.fulldomain)) + 4
    count = (512 - size) // 56
    for number in range(count + 1):
        server.update(delegate, make_txt(number))
        wire = server.raw_udp(wire_query(delegate.fulldomain))
        assert Head(wire).tc == (number == count), number
        assert len(wire) <= 512


def test_glue_is_left_out_rather_than_the_answer_cut(server):
    wire = server.raw_udp(wire_query(ZONE, "NS"))
    assert not Head(wire).tc and Head(wire).answers == 1


# ---- malformed ----

def formerr_or_silence(wire):
    return wire is None or (Head(wire).rcode == FORMERR and Head(wire).qr and
                            Head(wire).counts[1:] == (0, 0, 0))


@pytest.mark.parametrize("data", [
    b"", b"\0", b"\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00",
    struct.pack("!HHHHHH", 1, 0x8000, 1, 0, 0, 0) + wire_name(ZONE) + b"\0\x10\0\x01",
    struct.pack("!HHHHHH", 1, 0x8180, 0, 0, 0, 0)],
    ids=["empty", "one-byte", "eleven-bytes", "response", "empty-response"])
def test_what_is_no_query_gets_no_answer(server, data):
    assert server.raw_udp(data, timeout=0.3) is None


LONG = b"".join(b"\x3f" + b"a" * 63 for _ in range(4))


@pytest.mark.parametrize("name", [
    b"\xc0\x0c", b"\xc0\x0e\0", b"\xc0\xff", b"\x01a\xc0\x0c", b"\x01a\xc0\x00", b"\x40" + b"a" * 64 + b"\0",
    b"\x80a\0", LONG + b"\0", LONG[:-1], b"\x05ab", b"", b"\x01a", b"\xff" * 20,
    LONG[:192] + b"\x3e" + b"a" * 62 + b"\0"],
    ids=["loop", "forward", "far", "back", "header", "label64", "type10", "long", "cut-label", "short-label",
         "nothing", "no-end", "ff", "name256"])
def test_broken_names_are_formerr(server, name):
    for rest in (b"\0\x10\0\x01", b""):
        data = struct.pack("!HHHHHH", 0x1234, 0, 1, 0, 0, 0) + name + rest
        wire = server.raw_udp(data, timeout=1)
        assert wire is not None and formerr_or_silence(wire), wire
        assert Head(wire).id == 0x1234


def test_name_of_255_bytes_is_a_name(server):
    name = LONG[:192] + b"\x3d" + b"a" * 61 + b"\0"
    assert len(name) == 255
    wire = server.raw_udp(wire_query(name, "A"))
    assert Head(wire).rcode == REFUSED
    suffix = wire_name(ZONE)
    room = 255 - len(suffix)
    labels = b"\x3f" + b"b" * 63
    name = labels * (room // 64)
    left = room - len(name)
    name += bytes([left - 1]) + b"c" * (left - 1) + suffix
    assert len(name) == 255
    head = Head(server.raw_udp(wire_query(name, "TXT")))
    assert head.rcode == NXDOMAIN


@pytest.mark.parametrize("counts", [(0, 0, 0, 0), (2, 0, 0, 0), (65535, 0, 0, 0), (1, 1, 0, 0),
                                    (1, 0, 1, 0), (1, 0, 0, 1), (1, 65535, 65535, 65535), (0, 0, 0, 1)])
def test_counts_that_are_not_kept_are_formerr(server, counts):
    wire = server.raw_udp(wire_query("host." + ZONE, "A", counts=counts), timeout=1)
    assert wire is not None and formerr_or_silence(wire)


@pytest.mark.parametrize("extra,count", [
    (b"junk", 0), (b"\0" * 100, 0), (b"\0\0\x29", 1), (wire_opt()[:-1], 1), (wire_opt() + b"x", 1),
    (wire_opt()[:-2] + b"\0\x05abc", 1), (wire_opt(options=b"\0\x03\0\x09abc"), 1),
    (wire_opt(options=b"\0"), 1), (wire_opt() + wire_opt(), 2), (b"\x01a\0" + wire_opt()[1:], 1)],
    ids=["junk", "zeroes", "cut", "cut-opt", "opt-and-more", "opt-length", "option-length", "option-cut", "two-opts",
         "opt-with-a-name"])
def test_broken_tails_are_formerr(server, extra, count):
    wire = server.raw_udp(wire_query("host." + ZONE, "A", extra=extra, counts=(1, 0, 0, count)),
                          timeout=1)
    assert wire is not None and formerr_or_silence(wire), Head(wire).rcode


def test_random_bytes_do_no_harm(server):
    chosen = random.Random(7)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((server.dns_host, server.dns_port))
        for number in range(3000):
            size = chosen.randrange(0, 600) if number % 50 else chosen.randrange(0, 9000)
            data = bytearray(chosen.randbytes(size))
            if number % 3 == 0 and size > 12:
                data[2:12] = struct.pack("!HHHHH", 0, 1, 0, 0, chosen.randrange(3))
            sock.send(data)
            if number % 100 == 0:
                assert server.query("host." + ZONE, "A").rcode() == 0
    assert server.query("host." + ZONE, "A").rcode() == 0


def test_mutated_queries_are_answered_or_dropped_never_fatal(server, full):
    chosen = random.Random(11)
    base = wire_query(full.fulldomain, "TXT", extra=wire_opt(options=struct.pack("!HH8s", 10, 8, b"x" * 8)),
                      counts=(1, 0, 0, 1))
    # One socket to the end: an answer that comes late must not find another one at its port.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((server.dns_host, server.dns_port))
        for number in range(1500):
            data = bytearray(base)
            for _ in range(chosen.randrange(1, 6)):
                data[chosen.randrange(len(data))] = chosen.randrange(256)
            if chosen.random() < 0.3:
                del data[chosen.randrange(len(data)):]
            sock.send(data)
            if number % 100 == 0:
                assert server.query("host." + ZONE, "A").rcode() == 0
    assert sorted(server.txt(full.fulldomain, edns=0)) == sorted(full.values)


# ---- TCP ----

def test_many_queries_in_one_write_are_all_answered(server):
    queries = [wire_query(f"{'host' if i % 2 else 'x'}.{ZONE}", "A", ident=i) for i in range(200)]
    with server.dns_connection() as sock:
        sock.sendall(b"".join(frame(query) for query in queries))
        seen = {}
        for _ in queries:
            head = Head(read_frame(sock))
            seen[head.id] = head.rcode
    assert seen == {i: 0 if i % 2 else NXDOMAIN for i in range(200)}


def test_connection_serves_query_after_query(server):
    with server.dns_connection() as sock:
        for number in range(20):
            sock.sendall(frame(wire_query("host." + ZONE, "A", ident=number)))
            assert Head(read_frame(sock)).id == number


def test_query_byte_by_byte(server):
    with server.dns_connection() as sock:
        for byte in frame(wire_query("host." + ZONE, "A")):
            sock.sendall(bytes([byte]))
        assert Head(read_frame(sock)).rcode == 0


def test_query_split_across_writes_with_the_next_one(server):
    data = frame(wire_query("host." + ZONE, "A", ident=1)) + frame(wire_query("x." + ZONE, "A", ident=2))
    for cut in (1, 2, 3, len(data) // 2 + 1, len(data) - 1):
        with server.dns_connection() as sock:
            sock.sendall(data[:cut])
            sock.sendall(data[cut:])
            assert {Head(read_frame(sock)).id, Head(read_frame(sock)).id} == {1, 2}


def test_length_and_message_leave_in_one_segment(server):
    """RFC 7766 section 8; some clients read the length and then expect the rest at once."""
    with server.dns_connection() as sock:
        sock.sendall(frame(wire_query("host." + ZONE, "A")))
        first = sock.recv(65535)
        assert len(first) == struct.unpack("!H", first[:2])[0] + 2


def test_half_closed_connection_still_gets_its_answers(server):
    with server.dns_connection() as sock:
        sock.sendall(frame(wire_query("host." + ZONE, "A")) * 3)
        sock.shutdown(socket.SHUT_WR)
        for _ in range(3):
            assert Head(read_frame(sock)).rcode == 0
        assert read_frame(sock) is None


@pytest.mark.parametrize("data", [b"\0\0", b"\0\x01x", frame(b"\0" * 11),
                                  frame(struct.pack("!HHHHHH", 1, 0x8000, 0, 0, 0, 0))],
                         ids=["zero", "one", "eleven", "response"])
def test_frames_that_are_no_query_are_skipped_or_end_the_connection(server, data):
    with server.dns_connection() as sock:
        sock.sendall(data)
        try:
            sock.sendall(frame(wire_query("host." + ZONE, "A")))
            answer = read_frame(sock)
        except (ConnectionResetError, BrokenPipeError):
            answer = None
        assert answer is None or Head(answer).rcode == 0


def test_malformed_message_over_tcp_is_formerr(server):
    for data in (wire_query("host." + ZONE, "A", counts=(1, 0, 0, 1)),
                 struct.pack("!HHHHHH", 5, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\x10\0\x01"):
        assert Head(over_tcp(server, data)).rcode == FORMERR


@pytest.mark.parametrize("size", [3000, 60000])
def test_long_queries_are_answered_and_the_next_one_too(server, size):
    """What no resolver ever sends may be called malformed, but must not end the conversation."""
    query = wire_query("host." + ZONE, "A", extra=wire_opt(options=struct.pack("!HH", 65001, size) +
                                                           b"\0" * size), counts=(1, 0, 0, 1))
    with server.dns_connection() as sock:
        sock.sendall(frame(query))
        assert Head(read_frame(sock)).rcode in ((0,) if size <= 3000 else (0, FORMERR))
        sock.sendall(frame(wire_query("host." + ZONE, "A", ident=77)))
        head = Head(read_frame(sock))
        assert (head.id, head.rcode) == (77, 0)


@pytest.mark.parametrize("start", [b"", b"\0", b"\0\x20", b"\0\x20\x12\x34"],
                         ids=["silent", "half-length", "length", "half-query"])
def test_idle_connection_is_closed(server, start):
    began = time.monotonic()
    with server.dns_connection() as sock:
        sock.sendall(start)
        assert harness.closed_by_peer(sock, timeout=30)
    assert time.monotonic() - began < harness.seconds(25)


def test_trickling_bytes_do_not_hold_a_connection(server):
    """A byte now and then must not count as activity for ever."""
    data = frame(wire_query("host." + ZONE, "A"))
    began = time.monotonic()
    closed = threading.Event()
    with server.dns_connection() as sock:
        def trickle():
            for byte in data[:-1]:
                if closed.wait(1):
                    return
                try:
                    sock.sendall(bytes([byte]))
                except OSError:
                    return
        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            assert harness.closed_by_peer(sock, timeout=30)
        finally:
            closed.set()
            thread.join()
    assert time.monotonic() - began < harness.seconds(25)


def test_idle_connections_do_not_shut_others_out(server):
    idle = [server.dns_connection() for _ in range(100)]
    try:
        assert Head(over_tcp(server, wire_query("host." + ZONE, "A"))).rcode == 0
        assert server.query("host." + ZONE, "A").rcode() == 0
    finally:
        for sock in idle:
            sock.close()


def test_client_that_never_reads_does_not_stop_others(server):
    query = frame(wire_query("many." + ZONE, "TXT"))
    with server.dns_connection() as sock:
        sock.setblocking(False)
        try:
            for _ in range(2000):
                sock.send(query)
        except BlockingIOError:
            pass
        for _ in range(20):
            assert Head(over_tcp(server, wire_query("host." + ZONE, "A"))).rcode == 0


def test_queries_at_once_from_many_sockets(server, full):
    failures = []

    def work(seed):
        for number in range(50):
            answer = server.query(full.fulldomain, tcp=(seed + number) % 5 == 0, edns=0)
            if len(answer.answer) != 1 or len(answer.answer[0]) != 16:
                failures.append(answer)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.skipif(not harness.has_ipv6(), reason="no IPv6 here")
def test_ipv6_serves_the_same(server, full):
    for tcp in (False, True):
        answer = server.query(full.fulldomain, tcp=tcp, host="::1", edns=0)
        assert len(answer.answer[0]) == 16


def test_udp_and_tcp_share_the_port_number(server):
    host, port = server.dns_addresses[0]
    with socket.create_connection((host, port), timeout=5):
        pass
    assert server.raw_udp(wire_query("host." + ZONE, "A")) is not None


def test_answers_come_from_the_address_that_was_asked(locumd):
    """A wildcard socket must answer from the address of the query, not from any."""
    server = locumd(dns={"listen": ["0.0.0.0:0"]})
    port = server.dns_port
    for address in ("127.0.0.1", "127.0.0.2", "127.1.2.3"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(harness.seconds(3))
            sock.sendto(wire_query(ZONE, "SOA"), (address, port))
            data, source = sock.recvfrom(4096)
            assert source == (address, port)
            assert Head(data).rcode == 0
