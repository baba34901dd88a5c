"""Measures locumd and prints tables: see scripts/bench --help.

Each figure is the median of rounds in which all cases take their turn, so that what else the
machine does falls on all of them; ratios are taken within a round. Everything is on loopback and
ends by itself.
"""
import argparse
import contextlib
import pathlib
import shutil
import sys
import tempfile
import time

import fill
import measure

SIZES = {"1": 1, "100 k": 100_000, "1 M": 1_000_000}
KINDS = {"known": (0, 2), "unknown": (3, 0)}  # RCODE and answers expected
WINDOW = 256  # queries under way: what a server's default socket buffer holds


def make_database(folder, delegates, values):
    """A data folder whose database holds so many delegates; made once, then kept."""
    done = folder / "filled"
    if done.is_file():
        return
    shutil.rmtree(folder, ignore_errors=True)
    server = measure.start_server(folder)
    try:
        first = server.register()
        for number in range(4):  # so that sequences are beyond those of the filled values
            server.update(first, measure.harness.make_txt(number))
        assert server.stop() == 0, server.log
    finally:
        server.clean()
    print(f"filling {folder.name}: {delegates} delegates ...", file=sys.stderr)
    fill.fill(folder / "data" / "locum.db", delegates, values)
    done.write_text("")


# ---- DNS ----

def one_dns_run(server, pids, labels, kind, seconds):
    before = measure.cpu_ns(pids)
    result = measure.run_tool("dnsload", server.dns_port, measure.ZONE, labels, seconds, WINDOW,
                              *KINDS[kind], core=measure.LOAD_CORE)
    used = measure.cpu_ns(pids) - before
    if result["wrong"] or not result["answers"]:
        raise SystemExit(f"bench: wrong answers: {result}")
    return {"rate": result["answers"] / result["seconds"], "cpu": used / result["answers"] / 1000,
            "busy": used / 1e9 / result["seconds"], "bytes": result["bytes"],
            "lost": result["lost"]}


def dns_rounds(servers, labels, rounds, seconds):
    """{(server, kind): [run, ...]}; the first round warms up and does not count."""
    results = {}
    with contextlib.ExitStack() as stack:
        for kind in KINDS:
            probe = one_dns_run(servers["1"], measure.processes_of(servers["1"].pid),
                                labels[kind, "1"], kind, 1)
            echo = measure.Echo(round(probe["bytes"]), *KINDS[kind])
            stack.callback(echo.clean)
            servers["echo", kind] = echo
            labels[kind, "echo"] = labels[kind, "100 k"]
        cases = [(name, kind) for kind in KINDS for name in ["echo", *SIZES]]
        for number in range(rounds + 1):
            for name, kind in cases[number % len(cases):] + cases[:number % len(cases)]:
                server = servers[("echo", kind) if name == "echo" else name]
                run = one_dns_run(server, measure.processes_of(server.pid), labels[kind, name],
                                  kind, seconds if number else 1)
                if number:
                    results.setdefault((name, kind), []).append(run)
            print(f"dns: round {number} of {rounds}", file=sys.stderr)
    return results


def report_dns(results):
    rows = []
    for kind in KINDS:
        echo = results["echo", kind]
        for name in ["echo", *SIZES]:
            runs = results[name, kind]
            rates = [run["rate"] for run in runs]
            shares = [run["rate"] / base["rate"] for run, base in zip(runs, echo)]
            costs = [run["cpu"] for run in runs]
            multiples = [run["cpu"] / base["cpu"] for run, base in zip(runs, echo)]
            rows.append([name, kind, f"{measure.median(rates):,.0f}",
                         f"{measure.median(shares):.2f}", f"{measure.median(costs):.2f}",
                         f"{measure.median(multiples):.2f}",
                         f"{measure.median([run['busy'] for run in runs]):.2f}",
                         f"{runs[0]['bytes']:.0f}", sum(run["lost"] for run in runs)])
    measure.print_table(["delegates", "names", "answers/s", "of echo's", "CPU us/query",
                         "of echo's", "core busy", "bytes", "lost"], rows)
    print()
    for kind in KINDS:
        shares = [run["rate"] / base["rate"]
                  for run, base in zip(results["100 k", kind], results["echo", kind])]
        measure.goal(f"{kind} names, answers per second of the echo's, 100 k delegates",
                     measure.median(shares), 0.55, True)
    for kind in KINDS:
        ratios = [large["cpu"] / small["cpu"]
                  for large, small in zip(results["1 M", kind], results["100 k", kind])]
        measure.goal(f"{kind} names, CPU per query at 1 M to that at 100 k "
                     f"({measure.spread(ratios)})", measure.median(ratios), 1.25, False)


def bench_dns(folder, options):
    labels = {}
    with contextlib.ExitStack() as stack:
        servers = {}
        for name, delegates in SIZES.items():
            place = folder / f"dns-{delegates}"
            make_database(place, delegates, 2)
            labels["unknown", name] = "random"
            labels["known", name] = place / "labels"
            fill.write_labels(place / "data" / "locum.db", labels["known", name])
            servers[name] = measure.start_server(place, pinned=True)
            stack.callback(servers[name].clean)
        labels["unknown", "echo"] = "random"
        report_dns(dns_rounds(servers, labels, options.rounds, options.seconds))


# ---- /update ----

CONNECTIONS = [1, 16, 64]
BATCHES = [1, 64]
UPDATED = 100_000  # delegates; so many that few reach 16 values and displace the oldest


def update_round(server, credentials, database, seconds):
    """{case: run} of one turn of all cases."""
    round_results = {}
    for connections in CONNECTIONS:
        run = measure.run_tool("httpload", server.api_port, credentials, connections, seconds)
        if run["refused"]:
            raise SystemExit(f"bench: {run['refused']} updates refused: {run['refusal']}")
        round_results["locumd", connections] = run
    for batch in BATCHES:
        round_results["SQLite", batch] = measure.run_tool("sqlite_batch", database, batch, seconds)
    for run in round_results.values():
        run["rate"] = run["done"] / run["seconds"]
    return round_results


def report_update(rounds):
    rows = []
    for case in rounds[0]:
        runs = [results[case] for results in rounds]
        rates = [run["rate"] for run in runs]
        what = (f"locumd, {case[1]} connections" if case[0] == "locumd"
                else f"SQLite alone, {case[1]} in one transaction")
        latency = ["", ""]
        if case[0] == "locumd":
            latency = [f"{measure.median([run[key] for run in runs]):.2f}"
                       for key in ("p50_ms", "p99_ms")]
        rows.append([what, f"{measure.median(rates):,.0f}", measure.spread(rates), *latency])
    measure.print_table(["case", "durable updates/s", "from to", "p50 ms", "p99 ms"], rows)
    reached = measure.median([results["locumd", 64]["rate"] for results in rounds])
    half = measure.median([results["SQLite", 64]["rate"] for results in rounds]) / 2
    print()
    measure.goal("updates per second at 64 connections (6,000, or half of SQLite alone in batches "
                 "of 64)", reached, min(6000, half), True)


def bench_update(folder, options):
    place, alone = folder / "update", folder / "update-sqlite"
    for each in (place, alone):
        make_database(each, UPDATED, 2)
    credentials = place / "credentials"
    fill.write_credentials(place / "data" / "locum.db", credentials, UPDATED)
    server = measure.start_server(place)
    try:
        rounds = []
        for number in range(options.rounds + 1):
            results = update_round(server, credentials, alone / "data" / "locum.db",
                                   options.seconds if number else 1)
            if number:
                rounds.append(results)
            print(f"update: round {number} of {options.rounds}", file=sys.stderr)
    finally:
        server.clean()
    report_update(rounds)


# ---- start ----

def start_once(place):
    begin = time.monotonic()
    server = measure.start_server(place)
    try:
        took = time.monotonic() - begin
        pids = measure.processes_of(server.pid)
        run = {"seconds": took, "cpu": measure.cpu_ns(pids) / 1e9, **measure.memory_mib(pids)}
        begin = time.monotonic()
        assert server.stop(60) == 0, server.log
        run["stop"] = time.monotonic() - begin
    finally:
        server.clean()
    return run


def bench_start(folder, options):
    cases = {"1 M delegates and keys": folder / "start-keys",
             "the same, two values each": folder / "start-values"}
    for number, place in enumerate(cases.values()):
        make_database(place, 1_000_000, 2 * number)
    runs = {name: [] for name in cases}
    for number in range(options.rounds + 1):
        for name, place in cases.items():
            run = start_once(place)
            if number:
                runs[name].append(run)
        print(f"start: round {number} of {options.rounds}", file=sys.stderr)
    rows = [[name, *(f"{measure.median([run[key] for run in found]):.2f}"
                     for key in ("seconds", "cpu", "stop")),
             *(f"{measure.median([run[key] for run in found]):.0f}"
               for key in ("VmRSS", "VmHWM", "Pss"))] for name, found in runs.items()]
    measure.print_table(["holds", "ready after s", "CPU s", "stopped after s", "VmRSS MiB",
                         "VmHWM MiB", "Pss MiB"], rows)
    print()
    found = runs["1 M delegates and keys"]
    measure.goal("seconds until ready, 1 M delegates and keys",
                 measure.median([run["seconds"] for run in found]), 5, False)
    measure.goal("MB proportional set, 1 M delegates and keys",
                 measure.median([run["Pss"] for run in found]) * 1.048576, 200, False)


BENCHES = {"dns": bench_dns, "update": bench_update, "start": bench_start}


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Measures locumd on this machine, on loopback, and "
        "prints tables. Two cores are needed: one for the server, one for the load.")
    parser.add_argument("what", nargs="*", help="dns, update, start or all (default: all)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (default: 5)")
    parser.add_argument("--seconds", type=int, default=3, help="of one run (default: 3)")
    parser.add_argument("--folder", type=pathlib.Path,
                        help="keep the filled databases (3 GB) here, and take them from here")
    options = parser.parse_args()
    options.what = options.what or ["all"]
    if "all" in options.what:
        options.what = list(BENCHES)
    for name in options.what:
        if name not in BENCHES:
            parser.error(f"unknown bench {name}; there are: {', '.join(BENCHES)}, all")
    if not 1 <= options.rounds <= 100 or not 1 <= options.seconds <= 30:
        parser.error("rounds from 1 to 100, seconds from 1 to 30")
    return options


def main():
    options = parse_arguments()
    with contextlib.ExitStack() as stack:
        folder = options.folder
        if folder is None:
            folder = pathlib.Path(tempfile.mkdtemp(prefix="data-",
                                                   dir=measure.harness.build_folder()))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        print("\n".join("- " + fact for fact in measure.facts(folder)))
        print(f"- {options.rounds} rounds, {options.seconds} s a run, {time.strftime('%Y-%m-%d')}")
        for name in options.what:
            BENCHES[name](folder.resolve(), options)


main()
