"""Counts and latencies of requests under the names that TensorFlow Serving gives them, for Prometheus."""

import bisect
import collections
import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily, Metric, UnknownMetricFamily

from rugan_tf.serve.errors import Code, ServingError

REQUEST_COUNT = ":tensorflow:serving:request_count"
REQUEST_LATENCY = ":tensorflow:serving:request_latency"
BUCKETS = [10.0 * 1.8**power for power in range(33)]  # microseconds, as TensorFlow Serving has them


class RequestMetrics:
    """Request counts by model and status, latencies by model, API and entry point; a Prometheus collector.

    Args:
        is_known: whether a model has the name; others are counted under an empty one, so that clients cannot fill the
            memory with names.
    """

    def __init__(self, is_known: Callable[[str], bool]) -> None:
        self.is_known = is_known
        self.lock = threading.Lock()
        self.counts: collections.Counter[tuple[str, str]] = collections.Counter()
        self.latencies: dict[tuple[str, str, str], list[int]] = {}
        self.sums: collections.Counter[tuple[str, str, str]] = collections.Counter()
        self.registry = CollectorRegistry()
        self.registry.register(self)

    @contextlib.contextmanager
    def measured(self, model: str, api: str, entry_point: str) -> Iterator[None]:
        """Count a request and its latency, whatever comes of it."""
        start, code = time.perf_counter(), Code.OK
        try:
            yield
        except ServingError as error:
            code = error.code
            raise
        except Exception:
            code = Code.INTERNAL
            raise
        finally:
            name = model if self.is_known(model) else ""
            self.count(name, (name, api, entry_point), code, 1e6 * (time.perf_counter() - start))

    def count(self, model: str, key: tuple[str, str, str], code: Code, microseconds: float) -> None:
        """Add one request."""
        with self.lock:
            self.counts[model, code.name] += 1
            buckets = self.latencies.setdefault(key, [0] * (len(BUCKETS) + 1))
            buckets[bisect.bisect_left(BUCKETS, microseconds)] += 1
            self.sums[key] += microseconds  # type: ignore[assignment]

    def collect(self) -> Iterator[Metric]:
        """Return what Prometheus reads."""
        count = UnknownMetricFamily(REQUEST_COUNT, "Requests.", labels=["model_name", "status"])
        latency = HistogramMetricFamily(
            REQUEST_LATENCY, "Latency of requests, microseconds.", labels=["model_name", "API", "entrypoint"]
        )
        with self.lock:
            for labels, value in self.counts.items():
                count.add_metric(labels, value)
            for key, buckets in self.latencies.items():
                cumulative, total = [], 0
                for edge, number in zip([*map(str, BUCKETS), "+Inf"], buckets, strict=True):
                    total += number
                    cumulative.append((edge, total))
                latency.add_metric(key, cumulative, sum_value=self.sums[key])
        yield count
        yield latency
