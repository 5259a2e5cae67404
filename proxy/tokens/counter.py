"""How many tokens a prompt will cost, told without asking the upstream.

The template turns a request into pieces, the tokenizer counts their texts. Texts of earlier turns
come again with each request, so counts are remembered by the piece's hash (never the text), which
Python keys anew in each process. It is pure CPU work; `count_async` does it beside the event loop.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, Final

from proxy.tokens.template import Piece, render, shown
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
    """Token counts by hash of the piece; forgets what was not used for longest. Thread-safe."""

    def __init__(self, entries: int = CACHE_ENTRIES) -> None:
        self._entries = entries
        self._counts: OrderedDict[int, int] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._counts)

    def get(self, keys: Sequence[int]) -> list[int | None]:
        """The counts, as far as they are known."""
        counts, used = self._counts, self._counts.move_to_end
        with self._lock:
            found = [counts.get(key) for key in keys]
            for key, count in zip(keys, found, strict=True):
                if count is not None:
                    used(key)
        return found

    def put(self, new: Mapping[int, int]) -> None:
        """Remember counts."""
        with self._lock:
            for key, count in new.items():
                self._counts[key] = count
                self._counts.move_to_end(key)
            while len(self._counts) > self._entries:
                self._counts.popitem(last=False)


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

        `request` is a Messages request, decoded but for texts that are literals; unexpected values
        count as their JSON.
        """
        pieces: list[Piece] = []
        tokens = render(request, model, pieces) + self._count(pieces)
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

    def _count(self, pieces: list[Piece]) -> int:
        """The tokens of all pieces, asking the tokenizer once for those not remembered."""
        short = [piece for piece in pieces if len(piece) < CACHED_LENGTH]
        if len(short) == len(pieces):
            return sum(self._tokenize([shown(piece) for piece in short]))
        long = [piece for piece in pieces if len(piece) >= CACHED_LENGTH]
        # The bytes of a text have the same hash as the text: those of JSON must have another.
        keys = [hash(piece) if isinstance(piece, str) else ~hash(bytes(piece)) for piece in long]
        remembered = self._cache.get(keys)
        known = sum(count for count in remembered if count is not None)
        unknown = [at for at, count in enumerate(remembered) if count is None]
        if not unknown and not short:
            return known
        texts = [shown(piece) for piece in [*[long[at] for at in unknown], *short]]
        counts = self._tokenize(texts)
        self._cache.put({keys[at]: count for at, count in zip(unknown, counts, strict=False)})
        return known + sum(counts)
