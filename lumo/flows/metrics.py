"""Numbers of the hot path in, for /metrics."""

from prometheus_client import Counter, Gauge, Histogram

requests = Counter("lumo_flow_requests", "Flow requests by what they were answered", ["answer"])
flush_seconds = Histogram(
    "lumo_flush_seconds",
    "Time to store one flush",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
flush_rows = Histogram("lumo_flush_rows", "Requests in one flush", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500))
waiting = Gauge("lumo_flush_waiting", "Requests that wait for their flush")
