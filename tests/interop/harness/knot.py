"""Debian's Knot: as root and TLD servers (signed), and as the customer's name server, which has
no API at all: a zone file that a person edits."""
import pathlib
import re
import subprocess

from .process import Daemon


class Knot:
    """One knotd at ADDRESS, port 53. Zones are {name: master file text}; SIGNED ones get a key."""

    def __init__(self, name, folder, address, zones, signed=()):
        self.name = name
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.address = address
        self.signed = set(signed)
        self.zones = list(zones)
        self._write_config()
        for zone, text in zones.items():
            self.zone_file(zone).write_text(text)
        for zone in self.signed:
            self._keymgr(zone, "generate", "algorithm=ecdsap256sha256", "ksk=yes", "zsk=yes")
        self.daemon = None

    def start(self):
        self.daemon = Daemon(self.name, ["knotd", "-c", "knot.conf"], self.folder)
        self.daemon.wait_port(self.address, 53)

    def stop(self):
        if self.daemon:
            self.daemon.stop()

    def zone_file(self, zone):
        return self.folder / (("root" if zone == "." else zone) + ".zone")

    def _write_config(self):
        lines = ["server:", f"  rundir: {self.folder}", f"  listen: {self.address}@53",
                 "  udp-workers: 1", "  tcp-workers: 1", "  background-workers: 1",
                 "log:", "  - target: stderr", "    any: info",
                 "database:", f"  storage: {self.folder}",
                 "policy:", "  - id: signed", "    manual: on", "    single-type-signing: on",
                 "template:", "  - id: default", f"    storage: {self.folder}",
                 "    zonefile-sync: -1", "zone:"]
        for zone in self.zones:
            lines += [f"  - domain: {zone}", f"    file: {self.zone_file(zone)}"]
            if zone in self.signed:
                lines += ["    dnssec-signing: on", "    dnssec-policy: signed"]
        (self.folder / "knot.conf").write_text("\n".join(lines) + "\n")

    def _keymgr(self, *words):
        done = subprocess.run(["keymgr", "-c", "knot.conf", *words], cwd=self.folder,
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def trust_anchor(self, zone):
        """The DS record of a signed zone, in master-file syntax."""
        return next(line for line in self._keymgr(zone, "ds").splitlines()
                    if re.search(r" 13 2 ", line))

    def append(self, zone, *records):
        """Edits the zone file as its owner would: raises the serial, adds RECORDS, reloads."""
        path = self.zone_file(zone)
        text = re.sub(r"(SOA \S+ \S+ )(\d+)",
                      lambda m: m.group(1) + str(int(m.group(2)) + 1), path.read_text(), count=1)
        path.write_text(text + "".join(record + "\n" for record in records))
        self._reload(zone)

    def remove(self, zone, words):
        """Takes away every line of the zone file that begins with WORDS."""
        path = self.zone_file(zone)
        kept = [line for line in path.read_text().splitlines(True) if not line.startswith(words)]
        path.write_text("".join(kept))
        self.append(zone)

    def _reload(self, zone):
        done = subprocess.run(["knotc", "-s", str(self.folder / "knot.sock"), "-b",
                               "zone-reload", zone], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
