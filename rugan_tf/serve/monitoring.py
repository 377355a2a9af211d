"""Counts and latencies of requests under the names that TensorFlow Serving gives them, for Prometheus."""

import bisect
import collections
import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import HistogramMetricFamily, Metric, UnknownMetricFamily

from rugan_tf.serve.errors import Code, ServingError

REQUEST_COUNT = ":tensorflow:serving:request_count"
REQUEST_LATENCY = ":tensorflow:serving:request_latency"
LOAD_ATTEMPT_COUNT = ":tensorflow:cc:saved_model:load_attempt_count"
BUCKETS = [10.0 * 1.8**power for power in range(33)]  # microseconds, as TensorFlow Serving has them


class ServerMetrics:
    """Requests by model and status, latencies of successes by model, API and entry point, loads by folder and outcome.

    A Prometheus collector.

    Args:
        is_known: whether a model has the name; others are counted under an empty one, so that clients cannot fill the
            memory with names.
    """

    def __init__(self, is_known: Callable[[str], bool]) -> None:
        self.is_known = is_known
        self.lock = threading.Lock()
        self.counts: collections.Counter[tuple[str, str]] = collections.Counter()
        self.loads: collections.Counter[tuple[str, str]] = collections.Counter()
        self.latencies: dict[tuple[str, str, str], list[int]] = {}
        self.sums: dict[tuple[str, str, str], float] = collections.defaultdict(float)
        self.registry = CollectorRegistry()
        self.registry.register(self)
        ProcessCollector(registry=self.registry)  # memory and processor time of this process

    @contextlib.contextmanager
    def measured(self, model: str, api: str, entry_point: str) -> Iterator[None]:
        """Count a request, and its latency if it is answered."""
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
            if code is Code.OK:
                buckets = self.latencies.setdefault(key, [0] * (len(BUCKETS) + 1))
                # Left: Prometheus counts what is less than an edge or equal to it.
                buckets[bisect.bisect_left(BUCKETS, microseconds)] += 1
                self.sums[key] += microseconds

    def count_load(self, folder: str, result: str) -> None:
        """Add one attempt to load a version folder, whose result is `success` or `fail`."""
        with self.lock:
            self.loads[folder, result] += 1

    def collect(self) -> Iterator[Metric]:
        """Return what Prometheus reads."""
        # Not as counters, whose names would end in _total, which those of TensorFlow Serving do not.
        count = UnknownMetricFamily(REQUEST_COUNT, "Requests.", labels=["model_name", "status"])
        loads = UnknownMetricFamily(LOAD_ATTEMPT_COUNT, "Loads of versions.", labels=["model_path", "status"])
        latency = HistogramMetricFamily(
            REQUEST_LATENCY, "Latency of requests, microseconds.", labels=["model_name", "API", "entrypoint"]
        )
        with self.lock:
            for family, numbers in ((count, self.counts), (loads, self.loads)):
                for labels, value in numbers.items():
                    family.add_metric(labels, value)
            # Buckets of Prometheus hold all that is less, too.
            for key, buckets in self.latencies.items():
                cumulative, total = [], 0
                for edge, number in zip([*map(str, BUCKETS), "+Inf"], buckets, strict=True):
                    total += number
                    cumulative.append((edge, total))
                latency.add_metric(key, cumulative, sum_value=self.sums[key])
        yield count
        yield loads
        yield latency
