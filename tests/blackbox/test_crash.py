"""Nothing acknowledged is lost, however the daemon dies.

The test build's storage keeps every write in the daemon's memory until it is synced, so SIGKILL
loses what a power cut would lose; some unsynced writes reach the disk all the same, in no order.
The last test shows that the check would notice a daemon that does not sync.
"""
import http.client
import json
import random
import sqlite3
import subprocess
import threading

import pytest

import faults
import harness

KILLS = 50
WORKERS = 4


class Known:
    """A delegate as its worker knows it. Only that worker updates it, one request at a time."""

    def __init__(self, fields):
        self.fields = fields
        self.values = []     # acknowledged, oldest first
        self.pending = None  # sent, and no answer came
        self.updates = 0     # acknowledged

    @property
    def label(self):
        return self.fields["subdomain"]

    @property
    def headers(self):
        return {"X-Api-User": self.fields["username"], "X-Api-Key": self.fields["password"]}

    def allowed(self):
        """The value sets that may be there after a crash."""
        sets = [self.values[-16:]]
        if self.pending is not None:
            sets.append((self.values + [self.pending])[-16:])
        return sets


class Worker(threading.Thread):
    """Registers and updates over one kept connection until the daemon is gone."""

    def __init__(self, daemon, seed, acknowledged):
        super().__init__(daemon=True)
        self.server = daemon
        self.random = random.Random(seed)
        self.acknowledged = acknowledged
        self.known = []
        self.mine = []
        self.wrong = []

    def post(self, connection, path, body, headers):
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def register(self, connection):
        status, body = self.post(connection, "/register", {}, {})
        if status != 201:
            self.wrong.append((status, body))
            return
        known = Known(json.loads(body))
        self.known.append(known)
        self.mine.append(known)
        self.acknowledged.release()

    def update(self, connection):
        known = self.random.choice(self.mine)
        known.pending = harness.make_txt(self.random.random())
        status, body = self.post(connection, "/update",
                                 {"subdomain": known.label, "txt": known.pending}, known.headers)
        if status != 200:
            self.wrong.append((status, body))
            return
        known.values.append(known.pending)
        known.updates += 1
        known.pending = None
        self.acknowledged.release()

    def run(self):
        connection = http.client.HTTPConnection(self.server.api_host, self.server.api_port,
                                                timeout=harness.seconds(10))
        try:
            while not self.wrong:
                if not self.mine or self.random.random() < 0.25:
                    self.register(connection)
                else:
                    self.update(connection)
        except (OSError, http.client.HTTPException):
            pass  # killed
        finally:
            connection.close()


def load_until_killed(daemon, rng, acknowledgements):
    """Load from several connections, SIGKILL after so many acknowledgements; what is known."""
    acknowledged = threading.Semaphore(0)
    workers = [Worker(daemon, rng.random(), acknowledged) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    for _ in range(acknowledgements):
        assert acknowledged.acquire(timeout=harness.seconds(20)), \
            ([worker.wrong for worker in workers], daemon.log)
    daemon.kill()
    for worker in workers:
        worker.join(harness.seconds(20))
        assert not worker.wrong, worker.wrong
    return [known for worker in workers for known in worker.known]


def stored_values(connection, known):
    """What GET /api/v1/values says, oldest first; None if the API key is not known."""
    connection.request("GET", "/api/v1/values", headers=known.headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status == 401:
        return None
    assert answer.status == 200, (answer.status, body)
    return [value["txt"] for value in json.loads(body)["values"]]


def losses(daemon, delegates):
    """What was acknowledged and is not there, in the API or in DNS; one line for each."""
    lost = []
    connection = http.client.HTTPConnection(daemon.api_host, daemon.api_port,
                                            timeout=harness.seconds(20))
    for known in delegates:
        found = stored_values(connection, known)
        if found is None:
            lost.append(f"registration of {known.label}")
            continue
        if found not in known.allowed():
            lost.append(f"values of {known.label}: {found} instead of one of {known.allowed()}")
            continue
        answered = daemon.txt(known.fields["fulldomain"], edns=0)
        if sorted(answered) != sorted(found):
            lost.append(f"answers for {known.label}: {answered} instead of {found}")
        known.values, known.pending = found, None
    connection.close()
    return lost


def verify_ledger(daemon):
    """Runs `locum ledger verify` on the database as the crash left it."""
    done = subprocess.run([str(harness.program("locum")), "ledger", "verify", "--database",
                           str(daemon.data / "locum.db")], capture_output=True, text=True,
                          timeout=harness.seconds(60))
    assert done.returncode == 0, (done.stdout, done.stderr)


def missing_from_ledger(daemon, delegates):
    """What was acknowledged and has no row in the ledger."""
    database = sqlite3.connect(daemon.data / "locum.db")
    rows = dict(((label, kind), count) for label, kind, count in database.execute(
        "SELECT delegate, kind, count(*) FROM ledger GROUP BY delegate, kind"))
    database.close()
    return [known.label for known in delegates
            if rows.get((known.label, "register"), 0) != 1 or
            rows.get((known.label, "update"), 0) < known.updates]


def kill_while_starting(daemon, rng):
    """A crash during recovery."""
    daemon.start(wait=False)
    try:
        daemon.process.wait(rng.random() * 0.1)
    except subprocess.TimeoutExpired:
        pass
    daemon.kill()


@pytest.fixture
def crashing(tmp_path):
    daemon = faults.make_locumd(tmp_path, log={"level": "info"})
    yield daemon
    daemon.clean()


def test_nothing_acknowledged_is_lost_over_fifty_kills(crashing):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    everything = []
    crashing.start()
    for kill in range(KILLS):
        crashing.faults.set(leak_percent=rng.choice([0, 0, 20, 60]))
        fresh = load_until_killed(crashing, rng, rng.randrange(20, 150))
        if kill % 10 == 5:
            kill_while_starting(crashing, rng)
        if kill % 5 == 0:
            verify_ledger(crashing)
        crashing.start()
        older = rng.sample(everything, min(10, len(everything)))
        assert losses(crashing, fresh + older) == [], f"kill {kill}"
        everything += fresh
    assert losses(crashing, everything) == []
    assert len(everything) > KILLS
    assert crashing.stop() == 0
    assert missing_from_ledger(crashing, everything) == []
    verify_ledger(crashing)


def test_the_check_notices_a_daemon_that_does_not_sync(crashing):
    """With syncs that do nothing, as under synchronous=OFF, the same check finds losses."""
    crashing.start()
    kept = load_until_killed(crashing, random.Random(1), 40)
    crashing.start()
    assert losses(crashing, kept) == []
    crashing.faults.set(syncs_ignored=1)
    fresh = load_until_killed(crashing, random.Random(2), 40)
    crashing.faults.set(syncs_ignored=0)
    crashing.start()
    assert losses(crashing, fresh) != []
    assert losses(crashing, kept) == []
