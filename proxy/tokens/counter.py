"""How many tokens a prompt will cost, told without asking the upstream.

The template turns a request into pieces, the tokenizer counts their texts. Texts of earlier turns
come again with each request, so counts are remembered by the text's digest (never the text). It
is pure CPU work; `count_async` does it beside the event loop.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from threading import Lock
from typing import Any, Final

from proxy.tokens.template import render
from proxy.tokens.tokenizer import count_tokens

CACHED_LENGTH: Final = 256
"""Texts from this many characters on are remembered. Below, counting takes 2 to 5 us and looking up
1 us: not worth an entry, and names and keys would push the long texts out."""

CACHE_ENTRIES: Final = 32_768
"""About 6 MB, and the blocks of some dozens of long conversations."""

WORKERS: Final = 2
"""So that one huge prompt does not keep the next one waiting."""


AT_ONCE: Final = 16 * 1024
"""Requests of so many bytes are counted in 0.2 ms at most: a thread would take longer to ask."""


class CountCache:
    """Token counts by digest of the text; forgets what was not used for longest. Thread-safe."""

    def __init__(self, entries: int = CACHE_ENTRIES) -> None:
        self._entries = entries
        self._counts: OrderedDict[bytes, int] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._counts)

    def get(self, digest: bytes) -> int | None:
        """The count, if it is known."""
        with self._lock:
            if (count := self._counts.get(digest)) is not None:
                self._counts.move_to_end(digest)
            return count

    def put(self, digest: bytes, count: int) -> None:
        """Remember a count."""
        with self._lock:
            self._counts[digest] = count
            self._counts.move_to_end(digest)
            if len(self._counts) > self._entries:
                self._counts.popitem(last=False)


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class TokenCounter:
    """Counts the prompt tokens of Messages requests. One for a whole process; thread-safe."""

    def __init__(
        self,
        tokenize: Callable[[Sequence[str]], list[int]] = count_tokens,
        cache: CountCache | None = None,
    ) -> None:
        self._tokenize = tokenize
        self._cache = CountCache() if cache is None else cache
        self._executor = ThreadPoolExecutor(WORKERS, thread_name_prefix="token-counter")
        self._loaded = False

    def count(self, request: Mapping[str, Any], model: str) -> int:
        """The prompt tokens that `model` (the upstream's name) will report for the request.

        `request` is a decoded Messages request; unexpected values count as their JSON.
        """
        known = 0
        short: list[str] = []
        long: list[str] = []
        for piece in render(request, model):
            if isinstance(piece, int):
                known += piece
            else:
                (long if len(piece) >= CACHED_LENGTH else short).append(piece)
        tokens = known + self._texts(short, long)
        self._loaded = True
        return tokens

    async def count_async(self, request: Mapping[str, Any], model: str, size: int) -> int:
        """`count` without holding up the event loop; `size` is the request's, in bytes.

        What takes longer, as loading the vocabulary does, is left to a thread of the counter's own.
        RuntimeError after `close`.
        """
        if size <= AT_ONCE and self._loaded:
            return self.count(request, model)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self.count, request, model)

    def close(self) -> None:
        """Give up what is still waiting to be counted and let the threads end."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _texts(self, short: list[str], long: list[str]) -> int:
        """The tokens of all texts together, asking the tokenizer once for those not remembered."""
        known = 0
        unknown: list[str] = []
        digests: list[bytes] = []
        for text in long:
            digest = _digest(text)
            if (count := self._cache.get(digest)) is not None:
                known += count
            else:
                unknown.append(text)
                digests.append(digest)
        if not short and not unknown:
            return known
        counts = self._tokenize([*unknown, *short])
        for digest, count in zip(digests, counts, strict=False):
            self._cache.put(digest, count)
        return known + sum(counts)
