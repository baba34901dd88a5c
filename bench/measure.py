"""What the bench reads off the machine: programs of ours, processor time, memory, facts."""
import json
import os
import pathlib
import platform
import sqlite3
import statistics
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "blackbox"))

import harness  # noqa: E402  (the folder must be on the path first)

ZONE = harness.ZONE
SERVER_CORE, LOAD_CORE = "0", "1"


def tool(name):
    return str(harness.build_folder() / "bench" / ("bench_" + name))


def run_tool(name, *arguments, core=None):
    """Runs one of the load programs to its end; what it printed."""
    pin = ["taskset", "-c", core] if core else []
    words = pin + [tool(name)] + [str(argument) for argument in arguments]
    # A session of its own, as the servers have: the scheduler shares the processor by session.
    done = subprocess.run(words, capture_output=True, text=True, timeout=120,
                          start_new_session=True)
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(words)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


class Echo:
    """The bare echo, pinned like a server, with answers of SIZE bytes."""

    def __init__(self, size, rcode, answers):
        self.process = subprocess.Popen(
            ["taskset", "-c", SERVER_CORE, tool("echo"), str(size), str(rcode), str(answers)],
            stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.dns_port = int(self.process.stdout.readline())
        self.pid = self.process.pid

    def clean(self):
        self.process.kill()
        self.process.wait()


class Server(harness.Locumd):
    """A daemon that logs to a file, as it would to a journal: a Python thread that reads every line
    of a pipe would take part in what is measured."""

    def start(self, wait=True):
        self.write_config()
        log = self.folder / "log"
        with open(log, "wb") as file:
            self.process = subprocess.Popen(
                self.command + ["--config", str(self.config_path)], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=file, cwd=self.folder, start_new_session=True)
        self.reader = threading.Thread(target=lambda: None)  # what the base class waits for
        self.reader.start()
        self.ready = harness.await_condition(lambda: self.find_ready(log), 60, step=0.005)

    def find_ready(self, log):
        self.lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        if self.process.poll() is not None:
            raise SystemExit("bench: locumd ended:\n" + self.log)
        fields = [harness.parse_log_line(line) for line in self.lines]
        return next((found for found in fields if found.get("event") == "ready"), None)


def start_server(folder, pinned=False):
    """A daemon on FOLDER with one thread for each task."""
    folder.mkdir(parents=True, exist_ok=True)
    command = (["taskset", "-c", SERVER_CORE] if pinned else []) + [str(harness.program("locumd"))]
    return Server(folder=folder, command=command, log={"level": "info"}, dns={"threads": 1},
                  api={"threads": 1})


def processes_of(leader):
    """The process LEADER and all processes of its session."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            if os.getsid(int(entry)) == leader or int(entry) == leader:
                found.append(int(entry))
        except ProcessLookupError:
            pass
    return found


def cpu_ns(pids):
    """Processor time of the processes' living threads so far, user and system, in nanoseconds."""
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
    return total


def memory_mib(pids):
    """Resident set, its peak, and proportional set of the processes together, in MiB."""
    total = {"VmRSS": 0, "VmHWM": 0, "Pss": 0}
    for pid in pids:
        for name in (f"/proc/{pid}/status", f"/proc/{pid}/smaps_rollup"):
            with open(name, encoding="ascii", errors="replace") as file:
                for line in file:
                    key = line.split(":")[0]
                    if key in total:
                        total[key] += int(line.split()[1])
    return {key: value / 1024 for key, value in total.items()}


def median(values):
    return statistics.median(values)


def shown(number):
    """Three digits that count, without an exponent."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def spread(values):
    return f"{shown(min(values))} to {shown(max(values))}"


def facts(folder):
    """One line a fact about this machine."""
    model = "unknown"
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    disk = subprocess.run(["df", "--output=fstype,source", str(folder)], capture_output=True,
                          text=True).stdout.split("\n")[1].split()
    return [f"CPU: {model}, {os.cpu_count()} cores",
            f"kernel: {platform.release()}; SQLite {sqlite3.sqlite_version}; "
            f"data on {' '.join(disk)}",
            "load average at the start: " + " ".join(f"{x:.2f}" for x in os.getloadavg())]


def print_table(head, rows):
    """A markdown table."""
    print()
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")


def goal(text, reached, limit, at_least):
    """One line that says whether a goal was met, or by how much it was missed."""
    met = reached >= limit if at_least else reached <= limit
    word = "goal met" if met else f"missed by {shown(abs(reached - limit))}"
    side = "at least" if at_least else "at most"
    print(f"- {text}: {shown(reached)} ({side} {shown(limit)}): {word}")
