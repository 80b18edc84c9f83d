"""What happens to a cluster: killed and stopped processes, cut links, servers that restart."""

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from meeting_etl_tests.cluster.hosts_network import HostsNetwork
from meeting_etl_tests.cluster.postgres_server import postgres_down
from meeting_etl_tests.cluster.rabbitmq_server import RabbitmqServer
from meeting_etl_tests.cluster.running_cluster import HOSTS, Cluster
from meeting_etl_tests.cluster.s3_server import S3Server
from meeting_etl_tests.cluster.sessions import end_sessions

POSTGRES, RABBITMQ, S3 = "postgres", "rabbitmq", "s3"
# Longer than the server keeps the locks of a connection that is cut.
_CUT_SECONDS = 16
_RESTART_SECONDS = 2


@dataclass
class Disturbances:
    """Each method disturbs a host that executes a run, if there is one, until it returns.

    Each is printed with the seconds since the start. `s3` has the tables, if a folder has not.
    """

    cluster: Cluster
    network: HostsNetwork
    broker: RabbitmqServer
    s3: S3Server | None
    rng: random.Random
    began_at: float = 0.0

    def in_any_order(self) -> None:
        """Do all of them, with pauses: more than a minute."""
        self.began_at = time.monotonic()
        every: list[Callable[[], None]] = [
            self.kill_a_worker,
            self.kill_a_worker,
            self.kill_a_run,
            self.stop_a_run,
            lambda: self.cut(POSTGRES),
            lambda: self.cut(RABBITMQ),
            lambda: self.cut(POSTGRES, RABBITMQ),
            self.end_sessions,
            self.restart_rabbitmq,
            self.restart_postgres,
        ]
        if self.s3 is not None:
            every += [
                lambda: self.cut(S3),
                lambda: self.cut(POSTGRES, S3),
                partial(self.restart_s3, self.s3, signal.SIGKILL),
                partial(self.restart_s3, self.s3, signal.SIGTERM),
            ]
        self.rng.shuffle(every)
        for disturb in every:
            self.wait(self.rng.uniform(1, 6))
            disturb()

    def kill_a_worker(self) -> None:
        """With its runs; it is started again as by systemd."""
        host = self._host()
        self._tell(f"kill worker {host}")
        self.cluster.hosts.kill(host)
        self.wait(_RESTART_SECONDS)
        self.cluster.hosts.start_worker(host)

    def kill_a_run(self) -> None:
        """The process of a run alone."""
        self._signal_a_run(signal.SIGKILL)

    def stop_a_run(self) -> None:
        """For some seconds."""
        if process := self._signal_a_run(signal.SIGSTOP):
            self.wait(self.rng.uniform(5, 12))
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)

    def cut(self, *services: str) -> None:
        """The links of a host to these services."""
        host = self._host()
        self._tell(f"cut {host} from {' and '.join(services)}")
        for service in services:
            self.network.set_link(host, service, "down")
        self.wait(_CUT_SECONDS)
        for service in services:
            self.network.set_link(host, service, "up")

    def end_sessions(self) -> None:
        """Those of the product in PostgreSQL."""
        self._tell("end sessions")
        end_sessions(self._url)

    def restart_rabbitmq(self) -> None:
        self._tell("restart RabbitMQ")
        with self.broker.down():
            pass

    def restart_postgres(self) -> None:
        self._tell("restart PostgreSQL")
        with postgres_down(self._url):
            pass

    def restart_s3(self, server: S3Server, number: signal.Signals) -> None:
        """It serves again after some twenty seconds; when it is terminated, after forty."""
        self._tell(f"restart S3 with {number.name}")
        with server.down(number):
            pass
        self._tell("S3 serves again")

    def wait(self, seconds: float) -> None:
        """Meanwhile workers that end are started again."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.cluster.hosts.revive()
            time.sleep(0.25)

    def _signal_a_run(self, number: signal.Signals) -> int | None:
        for run in self.cluster.at_work("days"):
            process = self.cluster.process_of(run)
            with suppress(ProcessLookupError):
                os.kill(process, number)
                self._tell(f"{number.name} to run {run.run_id[:8]}")
                return process
        self._tell(f"{number.name}: no run is at work")
        return None

    def _host(self) -> str:
        for run in self.cluster.at_work("days"):
            with suppress(ProcessLookupError, ValueError):
                return self.cluster.host_of(run)
        return self.rng.choice(HOSTS)

    @property
    def _url(self) -> str:
        return self.cluster.hosts.variables["MEETING_ETL_STATE"]

    def _tell(self, what: str) -> None:
        print(f"{time.monotonic() - self.began_at:6.1f} s: {what}", flush=True)
