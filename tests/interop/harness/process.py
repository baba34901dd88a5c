"""Running daemons (ended by pid, and by the kernel if the session dies) and clients."""
import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import time

PATIENCE = float(os.environ.get("LOCUM_PATIENCE", "1"))
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def seconds(base):
    """A deadline of BASE seconds, stretched for slow machines."""
    return base * PATIENCE


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def clean_environment(home, path=(), **more):
    """What a client is started with: nothing of the session's proxies and CA settings."""
    places = [str(p) for p in path] + ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    return {"PATH": ":".join(places), "HOME": str(home), "LANG": "C.UTF-8", **more}


class Daemon:
    """One server program in the foreground; what it prints goes to FOLDER/NAME.log."""

    def __init__(self, name, command, folder, environment=None):
        self.name = name
        self.log_path = pathlib.Path(folder) / f"{name}.log"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                cwd=folder, env=clean_environment(folder, **(environment or {})),
                preexec_fn=_die_with_parent)

    @property
    def log(self):
        return self.log_path.read_text("utf-8", "replace")

    def wait_port(self, host, port, timeout=15):
        """Returns once HOST:PORT takes TCP connections."""
        deadline = time.monotonic() + seconds(timeout)
        while True:
            try:
                socket.create_connection((host, port), timeout=1).close()
                return
            except OSError:
                pass
            if self.process.poll() is not None:
                code = self.process.returncode
                raise AssertionError(f"{self.name} ended with {code}:\n{self.log}")
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name} does not listen on {host}:{port}:\n{self.log}")
            time.sleep(0.01)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds(5))
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Result:
    """What a client's run gave: code, output (both streams as printed), seconds."""

    def __init__(self, command, code, output, taken):
        self.command = command
        self.code = code
        self.output = output
        self.seconds = taken

    def __repr__(self):
        return f"{self.command}\n-> {self.code} in {self.seconds:.1f} s\n{self.output}"


def run_client(command, folder, path=(), timeout=150, **environment):
    """Runs COMMAND (a list, or text for bash) in FOLDER, which is its HOME too; a Result."""
    words = ["bash", "-c", command] if isinstance(command, str) else [str(w) for w in command]
    started = time.monotonic()
    done = subprocess.run(words, cwd=folder, env=clean_environment(folder, path, **environment),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=seconds(timeout),
                          preexec_fn=_die_with_parent)
    return Result(command, done.returncode, done.stdout.decode("utf-8", "replace"),
                  time.monotonic() - started)


def await_condition(check, timeout=10, step=0.05):
    """Calls CHECK until it gives something true; that value."""
    deadline = time.monotonic() + seconds(timeout)
    while True:
        value = check()
        if value:
            return value
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(step)
