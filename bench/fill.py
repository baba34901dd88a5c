"""Fills a locum database with delegates, one API key each, and values, without the daemon.

The rows are those that registrations and updates leave, less the ledger. Every key's secret is
SECRET: the bench measures the server, not the guessing of passwords.
"""
import hashlib
import sqlite3
import time

SECRET = "bench-bench-bench-bench-bench-bench-benc"
UUID = ("substr(h,1,8)||'-'||substr(h,9,4)||'-4'||substr(h,14,3)||'-8'||substr(h,18,3)||'-'||"
        "substr(h,21,12)")
ROWS = "WITH RECURSIVE row(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM row WHERE n < ?)"


def fill(path, delegates, values):
    """Adds so many DELEGATES, each with so many VALUES, to the first zone of the database at PATH,
    which locumd has made and no locumd has open."""
    now = int(time.time() * 1000)
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA synchronous=OFF")
    database.execute("PRAGMA cache_size=-2000000")
    age = database.execute("SELECT coalesce(max(created_age), 0) FROM delegate").fetchone()[0]
    first = database.execute("SELECT coalesce(max(id), 0) FROM delegate").fetchone()[0]
    database.execute("BEGIN IMMEDIATE")
    database.execute(
        "INSERT INTO delegate (id, zone_id, label, created_ms, created_age, used)"
        f" SELECT ? + n, (SELECT min(id) FROM zone), {UUID}, ?, ?, 1"
        f" FROM ({ROWS} SELECT n, lower(hex(randomblob(16))) h FROM row)",
        (first, now, age, delegates))
    database.execute(
        "INSERT INTO api_key (key_id, delegate_id, hash, created_ms)"
        f" {ROWS} SELECT randomblob(16), ? + n, ?, ? FROM row",
        (delegates, first, hashlib.sha256(SECRET.encode()).digest(), now))
    for sequence in range(1, values + 1):
        database.execute(
            "INSERT INTO value (delegate_id, zone_id, sequence, txt, added_ms, added_age)"
            f" {ROWS} SELECT ? + n, (SELECT min(id) FROM zone), ?, substr(hex(randomblob(22)), 1, 43), ?, ? FROM row",
            (delegates, first, sequence, now, age))
    database.execute("COMMIT")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def write_labels(path, out, limit=-1):
    """Writes the labels of the filled delegates, one a line."""
    database = sqlite3.connect(path)
    with open(out, "w", encoding="ascii") as file:
        for label, in database.execute(
                "SELECT label FROM delegate d JOIN api_key k ON k.delegate_id = d.id"
                " WHERE k.hash = ? LIMIT ?",
                (hashlib.sha256(SECRET.encode()).digest(), limit)):
            file.write(label + "\n")
    database.close()


def write_credentials(path, out, limit):
    """Writes `KEY-ID SECRET LABEL` of so many filled delegates, one a line."""
    database = sqlite3.connect(path)
    with open(out, "w", encoding="ascii") as file:
        for key, label in database.execute(
                "SELECT lower(hex(k.key_id)), d.label FROM api_key k"
                " JOIN delegate d ON d.id = k.delegate_id WHERE k.hash = ? LIMIT ?",
                (hashlib.sha256(SECRET.encode()).digest(), limit)):
            file.write(f"{key[:8]}-{key[8:12]}-{key[12:16]}-{key[16:20]}-{key[20:]} "
                       f"{SECRET} {label}\n")
    database.close()
