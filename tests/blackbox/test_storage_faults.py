"""What users see while the storage fails: 503 and nothing else, DNS as before, and a daemon that
goes on by itself once the storage does. Faults of the disk come from the test build's storage
(faults.py), those of files and locks from the real one.
"""
import concurrent.futures
import os
import shutil
import sqlite3
import subprocess
import time

import pytest

import faults
import harness
from harness import await_condition, make_txt, seconds

UNAVAILABLE = b'{"error": "unavailable"}'
RECOVERY = 20  # seconds until the daemon notices that the storage works again


def update_status(daemon, delegate, txt):
    answer = daemon.http("POST", "/update", {"subdomain": delegate.subdomain, "txt": txt},
                         delegate.headers)
    if answer.status == 503:
        assert answer.body == UNAVAILABLE, answer
    return answer.status


def storage(daemon):
    """(state, reason) as the status says."""
    status = daemon.admin("GET", "/admin/status").json()
    return status["storage"], status["storage_why"]


def await_recovery(daemon, delegate, txt):
    """Tries TXT until it is acknowledged; every answer before that has to be 503."""
    def acknowledged():
        status = update_status(daemon, delegate, txt)
        assert status in (200, 503), status
        return status == 200
    await_condition(acknowledged, RECOVERY, step=0.1)
    await_condition(lambda: storage(daemon)[0] == "ok", RECOVERY)


class Scene:
    """A daemon with a delegate that holds a value, and what must go on while its storage fails."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.delegate = daemon.register()
        self.empty = daemon.register()
        self.kept = make_txt("before")
        daemon.update(self.delegate, self.kept)

    def assert_failing(self, word=""):
        """Every change is refused with 503, and with nothing else; DNS is as it was."""
        daemon, delegate = self.daemon, self.delegate
        assert update_status(daemon, delegate, make_txt("refused")) == 503
        answer = daemon.register(expect=503)
        assert answer.body == UNAVAILABLE
        assert daemon.clear(delegate, expect=503).body == UNAVAILABLE
        self.assert_serving()
        state, why = storage(daemon)
        assert state == "failing"
        assert why and word in why, why

    def assert_serving(self):
        daemon = self.daemon
        assert daemon.txt(self.delegate.fulldomain) == [self.kept]
        assert daemon.txt(self.empty.fulldomain) == []
        assert daemon.query("absent." + daemon.zone).rcode() == 3
        assert daemon.values(self.delegate) == [self.kept]
        wrong = dict(self.delegate.headers, **{"X-Api-Key": "x" * 40})
        assert daemon.update(self.delegate, make_txt("x"), headers=wrong, expect=401)

    def assert_recovers(self):
        """The daemon goes on by itself, and what it acknowledges is there after a crash."""
        daemon, after = self.daemon, make_txt("after")
        await_recovery(daemon, self.delegate, after)
        assert daemon.txt(self.delegate.fulldomain) == [self.kept, after]
        late = daemon.register()
        daemon.kill()
        daemon.start()
        assert daemon.txt(self.delegate.fulldomain) == [self.kept, after]
        assert daemon.values(self.delegate) == [self.kept, after]
        assert daemon.values(late) == []


@pytest.fixture
def lossy(tmp_path):
    daemon = faults.make_locumd(tmp_path)
    daemon.start()
    yield daemon
    daemon.clean()


# ---- the disk ----

def test_a_failing_fsync_is_503_until_the_disk_works(lossy):
    scene = Scene(lossy)
    with lossy.faults.during(sync_failures=faults.ALWAYS, sync_drops=1):
        scene.assert_failing()
    scene.assert_recovers()


def test_a_full_disk_is_503_until_there_is_room(lossy):
    scene = Scene(lossy)
    with lossy.faults.during(writes_full=1):
        scene.assert_failing("full")
    scene.assert_recovers()


def test_failing_writes_are_503_until_they_work(lossy):
    """As on a file system that the kernel made read-only."""
    scene = Scene(lossy)
    with lossy.faults.during(writes_fail=1):
        scene.assert_failing()
    scene.assert_recovers()


def test_one_failed_fsync_loses_nothing_acknowledged(lossy):
    """The kernel forgets what it could not write: whatever is acknowledged afterwards must not rest
    on it."""
    scene = Scene(lossy)
    acknowledged = [scene.kept]
    for number in range(6):
        lossy.faults.set(sync_failures=1, sync_drops=1)
        txt = make_txt(number)
        await_recovery(lossy, scene.delegate, txt)
        acknowledged.append(txt)
        lossy.faults.set(sync_failures=0)
    assert lossy.values(scene.delegate) == acknowledged
    lossy.kill()
    lossy.start()
    assert lossy.values(scene.delegate) == acknowledged
    assert lossy.txt(scene.delegate.fulldomain, edns=0) == acknowledged


def test_after_a_failed_fsync_the_log_is_written_back_before_anything_is_acknowledged(lossy):
    """A truncating checkpoint leaves a write-ahead log of the new commits alone."""
    scene = Scene(lossy)
    log = lossy.data / "locum.db-wal"
    for number in range(60):
        lossy.update(scene.delegate, make_txt(number))
    before = log.stat().st_size
    lossy.faults.set(sync_failures=2, sync_drops=1)
    await_recovery(lossy, scene.delegate, make_txt("next"))
    assert lossy.faults.get("sync_failures") == 0
    assert log.stat().st_size < before / 2


def test_nothing_is_acknowledged_while_the_checkpoint_fails(lossy):
    scene = Scene(lossy)
    with lossy.faults.during(sync_failures=faults.ALWAYS):
        end = time.monotonic() + 3  # the daemon tries to recover once a second
        while time.monotonic() < end:
            assert update_status(lossy, scene.delegate, make_txt("early")) == 503
        scene.assert_failing()
    scene.assert_recovers()


def test_answers_are_served_while_nothing_can_be_read(lossy):
    scene = Scene(lossy)
    with lossy.faults.during(reads_fail=1, writes_fail=1):
        scene.assert_failing()
    scene.assert_recovers()


def test_updates_that_wait_for_one_sync_share_the_next(lossy):
    def commits():
        return lossy.admin("GET", "/admin/status").json()["commits"]

    delegates = [lossy.register() for _ in range(16)]
    before = commits()
    with lossy.faults.during(sync_delay_ms=200), \
            concurrent.futures.ThreadPoolExecutor(len(delegates)) as pool:
        for answer in pool.map(lambda delegate: lossy.update(delegate, make_txt()), delegates):
            assert answer.status == 200
    assert commits() - before < len(delegates) // 2


def test_a_slow_disk_delays_the_answer_and_not_dns(lossy):
    scene = Scene(lossy)
    with lossy.faults.during(sync_delay_ms=500):
        begin = time.monotonic()
        lossy.update(scene.delegate, make_txt("slow"))
        assert time.monotonic() - begin >= 0.5
    assert lossy.txt(scene.delegate.fulldomain) == [scene.kept, make_txt("slow")]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MiB."""
    folder = tmp_path / "data"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", str(folder)],
                             capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("can't mount a small file system here: " + mounted.stderr.strip())
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_really_full_file_system_is_503_until_there_is_room(small_disk, locumd):
    daemon = locumd(folder=small_disk.parent)
    scene = Scene(daemon)
    ballast = small_disk / "ballast"
    fill_up(ballast)
    acknowledged = [scene.kept]
    for number in range(2000):  # until the log's last page is full
        if update_status(daemon, scene.delegate, make_txt(number)) != 200:
            break
        acknowledged.append(make_txt(number))
    assert daemon.values(scene.delegate) == acknowledged[-16:]
    assert update_status(daemon, scene.delegate, make_txt("full")) == 503
    assert storage(daemon)[0] == "failing"
    assert sorted(daemon.txt(scene.delegate.fulldomain, edns=0)) == sorted(acknowledged[-16:])
    ballast.unlink()
    await_recovery(daemon, scene.delegate, make_txt("room"))
    daemon.kill()
    daemon.start()
    assert daemon.values(scene.delegate) == (acknowledged + [make_txt("room")])[-16:]


def fill_up(path):
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


# ---- files and locks ----

def test_a_locked_database_is_503_until_the_lock_is_gone(locumd):
    daemon = locumd()
    scene = Scene(daemon)
    other = sqlite3.connect(daemon.data / "locum.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        scene.assert_failing("locked")
    finally:
        other.execute("ROLLBACK")
        other.close()
    scene.assert_recovers()


def test_a_short_lock_only_delays(locumd):
    """A backup that holds the lock for a moment fails nobody."""
    daemon = locumd()
    scene = Scene(daemon)
    holder = subprocess.Popen(
        ["/usr/bin/python3", "-c",
         "import sqlite3, sys, time\n"
         "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
         "db.execute('BEGIN EXCLUSIVE'); print('held', flush=True)\n"
         "time.sleep(0.3); db.execute('ROLLBACK')", str(daemon.data / "locum.db")],
        stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    assert update_status(daemon, scene.delegate, make_txt("patient")) == 200
    assert holder.wait(seconds(10)) == 0


def test_a_database_that_was_renamed_is_503_until_it_is_back(locumd):
    daemon = locumd()
    scene = Scene(daemon)
    path = daemon.data / "locum.db"
    os.rename(path, path.with_name("elsewhere.db"))
    scene.assert_failing()
    os.rename(path.with_name("elsewhere.db"), path)
    scene.assert_recovers()


def test_a_database_that_was_replaced_is_503_until_it_is_back(locumd):
    """Writes would go to a file that no restart will read."""
    daemon = locumd()
    scene = Scene(daemon)
    path = daemon.data / "locum.db"
    os.rename(path, path.with_name("original.db"))
    shutil.copy(path.with_name("original.db"), path)
    scene.assert_failing()
    os.replace(path.with_name("original.db"), path)
    scene.assert_recovers()


def test_a_database_that_was_removed_is_never_acknowledged_to(locumd):
    daemon = locumd()
    scene = Scene(daemon)
    (daemon.data / "locum.db").unlink()
    scene.assert_failing()


def test_a_log_that_was_removed_is_never_acknowledged_to(locumd):
    """What it held is saved from the open file, and a new log takes its place."""
    daemon = locumd()
    scene = Scene(daemon)
    before = daemon.values(scene.delegate)
    (daemon.data / "locum.db-wal").unlink()
    scene.assert_failing()
    await_recovery(daemon, scene.delegate, make_txt("after"))
    daemon.kill()
    daemon.start()
    assert daemon.values(scene.delegate) == before + [make_txt("after")]


# ---- time ----

HOUR, DAY = 3600, 86400
YEARS = 10 * 365 * DAY


def await_housekeeping(daemon):
    """Waits for a whole round of the housekeeper, which asks the writer once a second."""
    def operations():
        return daemon.admin("GET", "/admin/status").json()["operations"]
    before = operations()
    await_condition(lambda: operations() >= before + 2, 10, step=0.1)


def test_a_clock_that_jumps_expires_nothing(lossy):
    scene = Scene(lossy)
    for jump in (YEARS, -2 * YEARS):
        lossy.clock.move(wall_s=jump)
        await_housekeeping(lossy)
        scene.assert_serving()
        lossy.restart()
        await_housekeeping(lossy)
        scene.assert_serving()


def test_a_clock_that_jumped_while_the_daemon_was_down_expires_nothing(lossy):
    scene = Scene(lossy)
    for jump in (YEARS, -YEARS):
        assert lossy.stop() == 0
        lossy.clock.move(wall_s=jump)
        lossy.start()
        await_housekeeping(lossy)
        scene.assert_serving()


def zone_with(**settings):
    zone = harness.default_config(harness.pathlib.Path("."))["zones"][0]
    return [dict(zone, **{key.replace("_", "-"): value for key, value in settings.items()})]


def test_values_leave_by_age(tmp_path):
    """The older one first; the name stays."""
    daemon = faults.make_locumd(tmp_path, zones=zone_with(value_lifetime="1h"))
    daemon.start()
    try:
        delegate = daemon.register()
        older, newer = make_txt("older"), make_txt("newer")
        daemon.update(delegate, older)
        daemon.clock.pass_time(HOUR * 2 // 3)
        daemon.update(delegate, newer)
        await_housekeeping(daemon)
        assert daemon.txt(delegate.fulldomain) == [older, newer]
        daemon.clock.pass_time(HOUR // 2)
        await_condition(lambda: daemon.txt(delegate.fulldomain) == [newer], 10)
        assert daemon.values(delegate) == [newer]
        daemon.clock.pass_time(HOUR // 2)
        await_condition(lambda: daemon.txt(delegate.fulldomain) == [], 10)
        daemon.restart(kill=True)
        assert daemon.txt(delegate.fulldomain) == []
        daemon.update(delegate, older)
        assert daemon.txt(delegate.fulldomain) == [older]
    finally:
        daemon.clean()


def test_a_value_sent_again_counts_as_new(tmp_path):
    daemon = faults.make_locumd(tmp_path, zones=zone_with(value_lifetime="1h"))
    daemon.start()
    try:
        delegate = daemon.register()
        daemon.update(delegate, make_txt(1))
        daemon.clock.pass_time(HOUR * 2 // 3)
        daemon.update(delegate, make_txt(1))
        daemon.clock.pass_time(HOUR * 2 // 3)
        await_housekeeping(daemon)
        assert daemon.txt(delegate.fulldomain) == [make_txt(1)]
    finally:
        daemon.clean()


def tombstones(daemon):
    database = sqlite3.connect(daemon.data / "locum.db")
    try:
        return {label for label, in database.execute("SELECT label FROM tombstone")}
    finally:
        database.close()


def test_unused_registrations_leave_and_used_ones_stay(tmp_path):
    """What was never used leaves without a trace; what held a value once, or was asked for, is kept,
    and its label is never given away."""
    daemon = faults.make_locumd(tmp_path, registration={"unused-lifetime": "30d"},
                                zones=zone_with(value_lifetime="1h"))
    daemon.start()
    try:
        unused, asked, updated, cleared = (daemon.register() for _ in range(4))
        for delegate in (updated, cleared):
            daemon.update(delegate, make_txt(1))
        assert daemon.clear(cleared) == 1
        daemon.clock.pass_time(29 * DAY)
        daemon.restart()  # a daemon that starts looks at once
        await_housekeeping(daemon)
        assert daemon.values(unused) == []  # not asked by DNS: that would be a use
        assert daemon.txt(asked.fulldomain) == []
        daemon.restart()  # what was asked in the last moment counts too
        daemon.clock.pass_time(2 * DAY)
        daemon.restart()
        await_condition(lambda: daemon.query(unused.fulldomain).rcode() == 3, 10)
        assert daemon.http("GET", "/api/v1/values", headers=unused.headers).status == 401
        assert daemon.http("GET", "/api/v1/values", headers=asked.headers).status == 200
        for delegate in (asked, updated, cleared):
            assert daemon.txt(delegate.fulldomain) == []
            daemon.update(delegate, make_txt(2))
            assert daemon.txt(delegate.fulldomain) == [make_txt(2)]
        assert unused.subdomain not in tombstones(daemon)
    finally:
        daemon.clean()


def test_a_full_table_of_sightings_loses_what_may_be_forged(tmp_path):
    """Two million rows of UDP, all newer than the one that came over TCP: that one stays."""
    daemon = faults.make_locumd(tmp_path)
    daemon.start()
    try:
        daemon.stop()
        database = sqlite3.connect(daemon.data / "locum.db")
        add = "INSERT INTO sighting (value_sequence, transport, network, delegate_id, first_ms) "
        database.execute(add + "VALUES (1, 2, '192.0.2.0/24', 1, 1)")
        database.execute("WITH RECURSIVE row (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM row"
                         " WHERE n < 2000000) " + add + "SELECT 1 + n / 64, 1, n % 64, 1, 1 FROM row")
        database.commit()
        daemon.start()
        await_condition(lambda: database.execute(
            "SELECT count(*) FROM sighting").fetchone()[0] <= 2_000_000, 20)
        assert database.execute("SELECT min(value_sequence), transport FROM sighting").fetchone() \
            == (1, 2)
        database.close()
    finally:
        daemon.clean()
