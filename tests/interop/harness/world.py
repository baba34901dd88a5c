"""The whole of it: root and TLD servers, the customer's zone, resolver, two ACME CAs, locumd."""
import contextlib

import dns.flags
import dns.message
import dns.query
import dns.rdatatype

from .authority import Authority
from .knot import Knot
from .pebble import Pebble
from .process import await_condition, seconds
from .server import ZONE, Server
from .unbound import Unbound

PARENTS = "127.0.0.30"
CUSTOMER = "127.0.0.40"
LOCUM = "127.0.0.10"
RESOLVER = "127.0.0.20"
CA = "127.0.0.50"
OTHER_CA = "127.0.0.51"

ROOT_ZONE = f"""\
. 3600 SOA a.root. hostmaster.root. 1 3600 600 86400 1
. 3600 NS a.root.
a.root. 3600 A {PARENTS}
com. 3600 NS ns.com.
ns.com. 3600 A {PARENTS}
org. 3600 NS ns.org.
ns.org. 3600 A {PARENTS}
"""

COM_ZONE = f"""\
com. 3600 SOA ns.com. hostmaster.com. 1 3600 600 86400 1
com. 3600 NS ns.com.
ns.com. 3600 A {PARENTS}
example.com. 3600 NS ns1.example.com.
ns1.example.com. 3600 A {CUSTOMER}
"""

ORG_ZONE = f"""\
org. 3600 SOA ns.org. hostmaster.org. 1 3600 600 86400 1
org. 3600 NS ns.org.
ns.org. 3600 A {PARENTS}
{ZONE}. 3600 NS ns1.{ZONE}.
ns1.{ZONE}. 3600 A {LOCUM}
ca.example.org. 3600 A {CA}
other-ca.example.org. 3600 A {OTHER_CA}
"""

# The user's domain: a file that its owner edits, with a web server, mail and a TXT of its own.
CUSTOMER_ZONE = f"""\
example.com. 300 SOA ns1.example.com. hostmaster.example.com. 2026010100 3600 600 86400 1
example.com. 300 NS ns1.example.com.
ns1.example.com. 300 A {CUSTOMER}
example.com. 300 A 192.0.2.80
example.com. 300 AAAA 2001:db8::80
example.com. 300 MX 10 mail.example.com.
example.com. 300 TXT "v=spf1 mx -all"
mail.example.com. 300 A 192.0.2.25
www.example.com. 300 CNAME example.com.
"""


class World:
    """Everything, started by start() and ended by stop(), for one module of tests. CONFIG is laid
    over locumd's configuration."""

    def __init__(self, folder, tls=True, **config):
        self.folder = folder
        self.authority = Authority(folder)
        self.parents = Knot("parents", folder, PARENTS,
                            {".": ROOT_ZONE, "com.": COM_ZONE, "org.": ORG_ZONE},
                            signed=[".", "com.", "org."])
        with open(self.parents.zone_file("."), "a") as root:
            for zone in ("com.", "org."):
                root.write(self.parents.trust_anchor(zone) + "\n")
        self.customer = Knot("customer", folder, CUSTOMER, {"example.com": CUSTOMER_ZONE})
        self.resolver = Unbound(folder, RESOLVER, PARENTS, self.parents.trust_anchor("."))
        self.server = Server(folder, LOCUM, self.authority if tls else None, **config)
        self.ca = Pebble(folder, "ca.example.org", CA, RESOLVER, self.authority)
        self.other_ca = Pebble(folder, "other-ca.example.org", OTHER_CA, RESOLVER, self.authority)
        self.parts = [self.parents, self.customer, self.resolver, self.server, self.ca,
                      self.other_ca]

    def start(self):
        for part in self.parts:
            part.start()

    def stop(self):
        with contextlib.ExitStack() as stack:  # all end, also after one that ended badly
            for part in self.parts:
                stack.callback(part.stop)

    def logs(self):
        """(name, log) of every server that runs."""
        yield "locumd", self.server.log
        for part in self.parts:
            daemon = part.daemon
            if hasattr(daemon, "log_path"):
                yield daemon.name, daemon.log

    def ask(self, name, rdtype, address=RESOLVER, tcp=False):
        """A query to ADDRESS (to our resolver if not given); the answer."""
        query = dns.message.make_query(name, rdtype, use_edns=0, payload=1232)
        if address in (LOCUM, CUSTOMER, PARENTS):
            query.flags &= ~dns.flags.RD
        return (dns.query.tcp if tcp else dns.query.udp)(query, address, seconds(5))

    def resolve(self, name, rdtype="TXT"):
        """The texts of all NAME's records of RDTYPE that the resolver finds, sorted."""
        wanted = dns.rdatatype.from_text(rdtype)
        return sorted(rdata.to_text() for rrset in self.ask(name, rdtype).answer
                      if rrset.rdtype == wanted for rdata in rrset)

    def serial(self):
        """The serial of the user's own zone, as its name server tells it."""
        return self.ask("example.com", "SOA", CUSTOMER).answer[0][0].serial

    def add_cname(self, domain, target):
        """What the user does once: `_acme-challenge.DOMAIN CNAME TARGET`, in the zone file."""
        owner = f"_acme-challenge.{domain}."
        target = target.rstrip(".") + "."
        self.customer.append("example.com", f"{owner} 300 CNAME {target}")
        await_condition(lambda: self.resolve(owner, "CNAME") == [target])

    def remove_cname(self, domain):
        """Takes the CNAME away again; resolvers may keep it for its TTL."""
        self.customer.remove("example.com", f"_acme-challenge.{domain}.")
