"""Debian's unbound as the CA's and everybody's resolver: validating, strict QNAME minimisation,
0x20. It begins at our root server and knows nothing else."""
import pathlib

from .process import Daemon

CONFIG = """
server:
  interface: {address}
  port: 53
  access-control: 127.0.0.0/8 allow
  do-ip6: no
  do-daemonize: no
  do-not-query-localhost: no
  num-threads: 1
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  log-queries: yes
  verbosity: 1
  module-config: "validator iterator"
  trust-anchor-file: "{folder}/anchor"
  root-hints: "{folder}/hints"
  qname-minimisation: yes
  qname-minimisation-strict: yes
  use-caps-for-id: yes
{options}remote-control:
  control-enable: no
"""


class Unbound:
    """One unbound at ADDRESS, port 53, whose root server is ROOT; ANCHOR is the root's DS. OPTIONS
    are lines for its server section."""

    def __init__(self, folder, address, root, anchor, name="unbound", options=()):
        self.name = name
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.address = address
        (self.folder / "anchor").write_text(anchor + "\n")
        (self.folder / "hints").write_text(f". 3600 NS a.root.\na.root. 3600 A {root}\n")
        (self.folder / "unbound.conf").write_text(
            CONFIG.format(address=address, folder=self.folder,
                          options="".join(f"  {option}\n" for option in options)))
        self.daemon = None

    def start(self):
        self.daemon = Daemon(self.name, ["unbound", "-d", "-c", "unbound.conf"], self.folder)
        self.daemon.wait_port(self.address, 53)

    def stop(self):
        if self.daemon:
            self.daemon.stop()
