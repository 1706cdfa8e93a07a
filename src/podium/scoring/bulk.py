"""All rows of a source, scored in order, by several threads where the model allows it.

Blocks are read, predicted and encoded in threads, while the caller writes those before them. Until a first
row was answered there is one thread: so it doesn't depend on their race when a model is given up.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TypeAlias

from podium.errors import PodiumError
from podium.scoring.delimited import DelimitedReader, DelimitedWriter
from podium.scoring.formats import Source
from podium.scoring.rows import Chunk, Encoded, Pace, Unit, Writer
from podium.scoring.scorer import Answered, Scored, Scorer

THREADS_MAX = 8
# How long a thread may go on while another waits for the interpreter. A block has thirty calls of Arrow,
# which run without it: Python's own 5 ms, waited for after each of them, cost more than the block.
SWITCH_S = 1e-4

# Takes the answers of a chunk, the number of its first row and the seconds that they took, and returns
# those that are written.
Keep: TypeAlias = Callable[[Answered, int, float], Answered]


@dataclass(frozen=True)
class Result:
    """A chunk that was scored.

    Attributes:
        encoded: what its writer writes.
        n_read: how many bytes of the source were read up to its last row.
    """

    chunk: Chunk
    scored: Scored
    encoded: Encoded
    n_read: int = 0


@dataclass(frozen=True)
class _Answers:
    chunk: Chunk
    answered: Answered
    seconds: float


class Bulk:
    """Scores a source.

    Args:
        keep: is called in order, by the caller's thread; then writers encode there, too.
        n_threads: at most; by default as many as there are processors. Models that aren't programs
            have one.
    """

    def __init__(
        self,
        scorer: Scorer,
        source: Source,
        writer: Writer,
        *,
        keep: Keep | None = None,
        n_threads: int | None = None,
    ) -> None:
        self._scorer = scorer
        self._source = source
        self._writer = writer
        self._keep = keep
        self._pace = Pace()
        self._n_rows = 0
        # Code of users, and that of most libraries, may take it ill to run twice at once.
        most = (n_threads or n_processors()) if scorer.bundle.is_compiled else 1
        self._n_threads = min(most, THREADS_MAX)
        reader = source.reader
        if isinstance(reader, DelimitedReader):
            numbers = scorer.columns(reader.names)
            fields = {
                numbers[one.name]: one
                for one in scorer.bundle.signature.fields
                if one.name in numbers
            }
            keeps_lines = isinstance(writer, DelimitedWriter) and writer.writes_like(reader.dialect)
            if len(fields) == len(numbers):
                reader.read_plainly(fields, keeps_lines=keeps_lines)

    def results(self) -> Generator[Result, None, None]:
        """The chunks in order. Close it if it isn't read to its end.

        Raises:
            PodiumError: the source can't be read, the model fails on all rows, or the writer can't
                write these columns.
        """
        failure: PodiumError | None = None
        waiting: deque[tuple[Future[Sequence[_Answers | Result]], int]] = deque()
        units = self._source.units(self._pace)
        with ExitStack() as stack:
            pool: ThreadPoolExecutor | None = None
            while True:
                try:
                    unit, n_read = next(units)
                except StopIteration:
                    break
                except PodiumError as error:
                    failure = error  # what came before it is still good
                    break
                if pool is None and self._n_threads > 1 and self._scorer.has_predicted:
                    pool = stack.enter_context(_pool(self._n_threads))
                if pool is None:
                    yield from self._finished(self._work(unit), n_read)
                    continue
                waiting.append((pool.submit(self._work, unit), n_read))
                if len(waiting) > self._n_threads + 1:
                    future, n_read = waiting.popleft()
                    yield from self._finished(future.result(), n_read)
            while waiting:
                future, n_read = waiting.popleft()
                yield from self._finished(future.result(), n_read)
        if failure is not None:
            raise failure

    def _work(self, unit: Unit) -> list[_Answers | Result]:
        """What any thread may do."""
        done: list[_Answers | Result] = []
        for chunk in unit():
            self._scorer.check_names(chunk.names)
            began_s = time.perf_counter()
            answered = self._scorer.answer(chunk)
            seconds = time.perf_counter() - began_s
            self._pace.measured(chunk.n_rows, seconds)
            one = _Answers(chunk, answered, seconds)
            done.append(one if self._keep is not None else self._encoded(one))
        return done

    def _encoded(self, one: _Answers) -> Result:
        scored = self._scorer.scored(one.chunk, one.answered)
        return Result(one.chunk, scored, self._writer.encode(one.chunk, scored.predicted))

    def _finished(self, done: Sequence[_Answers | Result], n_read: int) -> Iterator[Result]:
        """What is done in order."""
        for one in done:
            if self._keep is not None and isinstance(one, _Answers):
                one = replace(one, answered=self._keep(one.answered, self._n_rows, one.seconds))
            result = one if isinstance(one, Result) else self._encoded(one)
            self._n_rows += result.chunk.n_rows
            yield replace(result, n_read=n_read)


def n_processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _pool(n_threads: int) -> Iterator[ThreadPoolExecutor]:
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(min(SWITCH_S, before_s))
    pool = ThreadPoolExecutor(n_threads, "podium-score")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        sys.setswitchinterval(before_s)
