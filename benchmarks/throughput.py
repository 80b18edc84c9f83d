"""How the work of several data folders grows with the workers that share it.

Six data folders, each with one day of meetings to fetch from an embedded Webex in a process of its
own, without rate limit, and their state on one PostgreSQL server. One, two and three processes take
folder after folder and do its due work: the meetings that are committed a second, from the moment
when all processes have loaded the program, and the CPU time of workers, Webex and PostgreSQL, all
on the cores of this machine. A part of benchmarks/cluster.py.
"""

import multiprocessing
import os
import tempfile
import time
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier

from benchmarks.embedded_webex import EmbeddedWebex, embedded_webex
from benchmarks.measuring import cpu_seconds, median

TENANTS, WORKERS = 6, (1, 2, 3)
BOUNDS = {1: 1.0, 2: 1.7, 3: 2.3}
PARTS = ("workers", "Webex", "PostgreSQL")
_END: dict[str, str] = {}


def work(
    tenants: "SimpleQueue[dict[str, str]]", used: "SimpleQueue[float]", ready: Barrier
) -> None:
    """Do the due work of one data folder after the other; says how much CPU time it took."""
    import dagster as dg

    from meeting_etl.definitions import build_defs
    from meeting_etl.orchestration.run_now import run_now
    from meeting_etl.settings import Etl

    with dg.DagsterInstance.ephemeral() as instance:
        build_defs(Etl({}))
        ready.wait()
        before = time.process_time()
        while environ := tenants.get():
            etl = Etl(environ)
            assert not run_now(build_defs(etl), instance, etl).failures
        used.put(time.process_time() - before)
        ready.wait()


def measure(webex: EmbeddedWebex, url: str, server: int, workers: int) -> dict[str, float]:
    """Seconds from start to end, and the CPU seconds of the parts."""
    context = multiprocessing.get_context("spawn")
    tenants, used = context.SimpleQueue(), context.SimpleQueue()
    ready = context.Barrier(workers + 1)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(TENANTS):
            tenant = f"{folder}/{number}"
            webex.write_logs(tenant)
            tenants.put(webex.environ(tenant, MEETING_ETL_STATE=url))
        for _ in range(workers):
            tenants.put(_END)
        processes = [
            context.Process(target=work, args=(tenants, used, ready)) for _ in range(workers)
        ]
        for process in processes:
            process.start()
        ready.wait()
        began, before = time.monotonic(), [cpu_seconds(webex.pid), cpu_seconds(server)]
        ready.wait()
        found = {
            "seconds": time.monotonic() - began,
            "workers": sum(used.get() for _ in processes),
            "Webex": cpu_seconds(webex.pid) - before[0],
            "PostgreSQL": cpu_seconds(server) - before[1],
        }
        for process in processes:
            process.join()
    return found


def show(url: str, server: int, *, meetings: int, latency_ms: int, runs: int) -> None:
    """Print all figures of a server, by its URL and the id of its process.

    `meetings` of each data folder. The numbers of workers take turns.
    """
    print(
        f"{TENANTS} data folders, {meetings} meetings each, {latency_ms} ms a response, "
        f"{os.cpu_count()} cores; medians of {runs}",
        flush=True,
    )
    found: dict[int, list[dict[str, float]]] = {workers: [] for workers in WORKERS}
    with embedded_webex(meetings=meetings, latency_ms=latency_ms) as webex:
        for _ in range(runs):
            for workers in WORKERS:
                found[workers].append(measure(webex, url, server, workers))
    alone = [each["seconds"] for each in found[1]]
    for workers, each in found.items():
        seconds = [result["seconds"] for result in each]
        rates = [TENANTS * meetings / duration for duration in seconds]
        ratios = [first / one for first, one in zip(alone, seconds, strict=True)]
        cpu_ms = ", ".join(
            f"{part} {median([result[part] * 1000 / (TENANTS * meetings) for result in each])}"
            for part in PARTS
        )
        cores = [sum(result[part] for part in PARTS) / result["seconds"] for result in each]
        print(
            f"{workers} workers: {median(rates)} meetings/s, {median(ratios)} x one worker, bound "
            f"{BOUNDS[workers]}; CPU ms a meeting: {cpu_ms}; cores in use {median(cores)}; "
            f"load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
