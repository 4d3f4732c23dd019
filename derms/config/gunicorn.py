"""Gunicorn's settings of the web process: threads, because handlers wait on PostgreSQL."""

import os
from typing import Any

worker_class = "gthread"
workers = int(os.environ.get("DERMS_WEB_WORKERS", "2"))
threads = int(os.environ.get("DERMS_WEB_THREADS", "8"))
# One import of the product for all workers: half the start-up time and shared memory.
preload_app = True
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112 - heartbeat file
timeout = 60
graceful_timeout = 4
keepalive = 30
limit_request_line = 8190
loglevel = "warning"
control_socket_disable = True


def child_exit(_server: Any, worker: Any) -> None:
    """Forget the gauges of a worker that ended."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        from prometheus_client import multiprocess  # noqa: PLC0415 - needs the folder set

        multiprocess.mark_process_dead(worker.pid)
