"""A network and a mount namespace for the running test session.

Clients resolve by /etc/resolv.conf, speak to name servers on port 53 and trust the system's CA
bundle; none of that can be told to all of them. So the session gets namespaces of its own, in which
loopback is the only interface: every port is free, the two files are bind mounts, and nothing but
loopback can be contacted. Only the calling thread moves (pytest runs the tests in it) and what it
starts afterwards. The old namespaces stay open, for what needs the outside (building lego).
"""
import ctypes
import os
import pathlib
import subprocess

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


class NotPermitted(Exception):
    """The machine does not let us make namespaces."""


def _check(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise NotPermitted(f"{what}: {os.strerror(number)}")


class Namespace:
    """The namespaces of this thread, from enter() to leave()."""

    def __init__(self):
        self.outside = []
        self.mounted = []

    def enter(self):
        tid = ctypes.c_long(_libc.gettid()).value
        for kind in ("net", "mnt"):
            self.outside.append(os.open(f"/proc/self/task/{tid}/ns/{kind}", os.O_RDONLY))
        try:
            _check(_libc.unshare(CLONE_NEWNET | CLONE_NEWNS), "unshare(net, mount)")
            for command in (["mount", "--make-rprivate", "/"],
                            ["ip", "link", "set", "lo", "up"]):
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode != 0:
                    raise NotPermitted(f"{' '.join(command)}: {done.stderr.strip()}")
        except NotPermitted:
            self.leave()
            raise

    def bind_file(self, source, target):
        """SOURCE is seen at TARGET (a file that is there, or a link to one) until unbind()."""
        real = str(pathlib.Path(target).resolve())
        subprocess.run(["mount", "--bind", str(source), real], check=True)
        self.mounted.append(real)

    def unbind(self):
        """Takes all of bind_file()'s mounts away."""
        while self.mounted:
            subprocess.run(["umount", self.mounted.pop()], check=True)

    def run_outside(self, command, **options):
        """Runs COMMAND in the namespaces that the session came from."""
        net, mnt = self.outside
        enter = ["nsenter", f"--net=/proc/self/fd/{net}", f"--mount=/proc/self/fd/{mnt}", "--",
                 "env", f"--chdir={options.pop('cwd', '/')}"]  # a folder of the mounts out there
        return subprocess.run(enter + command, pass_fds=self.outside, **options)

    def leave(self):
        """Back to where the session came from; the mounts end with their last process."""
        for fd in self.outside:
            _libc.setns(fd, 0)
            os.close(fd)
        self.outside = []
