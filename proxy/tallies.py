"""Counters and histograms that cost a dictionary entry to move, for `prometheus-client` to show.

The library's own take a lock and several calls for each step, and a request takes a dozen steps.
Here all steps are made in the event loop, so numbers stand in plain dictionaries by their labels
and become the library's families when somebody scrapes.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

Labels = tuple[str, ...]


class Tally(Collector):
    """A counter: `tally.by[labels] += n`. Without labels it is there from the start, as 0."""

    def __init__(self, name: str, text: str, *labels: str) -> None:
        self._family = name, text, labels
        self.by: defaultdict[Labels, float] = defaultdict(float)
        if not labels:
            self.by[()] = 0

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        name, text, names = self._family
        family = CounterMetricFamily(name, text, labels=names)
        for labels, value in self.by.items():
            family.add_metric(labels, value)
        yield family


class Timing(Collector):
    """A histogram of seconds, with buckets up to each of `bounds` and one for the rest."""

    def __init__(self, name: str, text: str, bounds: Sequence[float], *labels: str) -> None:
        self._family = name, text, labels
        self._bounds: Final = tuple(bounds)
        self._counts: defaultdict[Labels, list[int]] = defaultdict(self._none)
        self._sums: defaultdict[Labels, float] = defaultdict(float)

    def _none(self) -> list[int]:
        return [0] * (len(self._bounds) + 1)

    def observe(self, seconds: float, *labels: str) -> None:
        """One more that took so long."""
        self._counts[labels][bisect_left(self._bounds, seconds)] += 1
        self._sums[labels] += seconds

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        name, text, names = self._family
        family = HistogramMetricFamily(name, text, labels=names)
        edges = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        for labels, counts in self._counts.items():
            buckets = list(zip(edges, map(float, accumulate(counts)), strict=True))
            family.add_metric(labels, buckets, self._sums[labels])
        yield family
