"""The contract itself: a store that breaks a promise fails the test of that promise."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import MetaData

from podium.records.counted import Entry, Found, Key, Tallies, Tally
from podium.records.cursor import BadCursor
from podium.records.history import succeeding
from podium.records.record import Feedback, Record
from podium.records.store import ALL_FILTERS, InsertResult, Page, RecordQuery, StoreFeatures
from podium.records.stores.memory import MemoryStore
from podium.records.stores.sql import SqlStore
from podium.records.stores.sql_counts import SqlCounts
from podium.records.words import words_in, words_of
from podium.testing import CountsContract, StoreContract


class Overwrites(MemoryStore):
    def insert(self, records: Sequence[Record]) -> InsertResult:
        result = super().insert(records)
        self._records.update({one.id: one for one in records if one.id in self._records})
        return result


class ForgetsDuplicates(MemoryStore):
    def insert(self, records: Sequence[Record]) -> InsertResult:
        result = super().insert(records)
        return msgspec.structs.replace(result, duplicates=0)


class RefusesTheWholeBatch(MemoryStore):
    def insert(self, records: Sequence[Record]) -> InsertResult:
        result = super().insert([])
        failed = MemoryStore().insert(records).failed
        return msgspec.structs.replace(result, failed=failed) if failed else super().insert(records)


class CutsTexts(MemoryStore):
    def insert(self, records: Sequence[Record]) -> InsertResult:
        cut = [msgspec.structs.replace(one, version=one.version.strip()) for one in records]
        return super().insert(cut)


class RoundsNumbers(MemoryStore):
    def insert(self, records: Sequence[Record]) -> InsertResult:
        some = [one for one in records if one.outcome_number is not None]
        rest = [one for one in records if one.outcome_number is None]
        rounded = [
            msgspec.structs.replace(one, outcome_number=round(one.outcome_number or 0, 15))
            for one in some
        ]
        return super().insert([*rest, *rounded])


class FindsBeginnings(MemoryStore):
    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        whole = next((one for one in self._records if one.startswith(record_id)), record_id)
        return super().get(whole, time_us=time_us)


class IgnoresTheTime(MemoryStore):
    def get(self, record_id: str, *, time_us: int | None = None) -> Record | None:
        return super().get(record_id)


class ForgetsRequests(MemoryStore):
    """As one that was written before records had a request, a role and a digest."""

    def insert(self, records: Sequence[Record]) -> InsertResult:
        fields = Record.__struct_fields__[: Record.__struct_fields__.index("request_id")]
        values = [[getattr(one, name) for name in fields] for one in records]
        return super().insert([Record(*some) for some in values])


class OldestFirst(MemoryStore):
    def page(
        self, query: RecordQuery, *, limit: int, cursor: str | None = None, **order: Any
    ) -> Page:
        page = super().page(query, limit=limit, cursor=cursor, **order)
        return msgspec.structs.replace(page, records=page.records[::-1])


class NewestFirstOnly(MemoryStore):
    def page(
        self, query: RecordQuery, *, limit: int, cursor: str | None = None, **order: Any
    ) -> Page:
        return super().page(query, limit=limit, cursor=cursor)


class BeginsAgainOldestFirst(MemoryStore):
    """It can't resume: a cursor that it gave leads back to the first record."""

    def page(
        self, query: RecordQuery, *, limit: int, cursor: str | None = None, **order: Any
    ) -> Page:
        if order.get("order") == "oldest" and cursor is not None:
            return super().page(query, limit=limit, **order)
        return super().page(query, limit=limit, cursor=cursor, **order)


class CountsPages(MemoryStore):
    """Its cursor is an offset."""

    def page(
        self, query: RecordQuery, *, limit: int, cursor: str | None = None, **order: Any
    ) -> Page:
        start = 0 if cursor is None else int(cursor)
        every = super().page(query, limit=10_000, **order).records
        end = start + limit
        return Page(records=every[start:end], cursor=str(end) if end < len(every) else None)


class NeverEnds(MemoryStore):
    def page(
        self, query: RecordQuery, *, limit: int, cursor: str | None = None, **order: Any
    ) -> Page:
        page = super().page(query, limit=limit, cursor=cursor, **order)
        return msgspec.structs.replace(page, cursor=page.cursor or cursor or "")


class BeginsAgainAtBadCursors(MemoryStore):
    def page(
        self, query: RecordQuery, *, limit: int, cursor: str | None = None, **order: Any
    ) -> Page:
        try:
            return super().page(query, limit=limit, cursor=cursor, **order)
        except BadCursor:
            return super().page(query, limit=limit, **order)


class FiltersByFewer(MemoryStore):
    def page(
        self, query: RecordQuery, *, limit: int, cursor: str | None = None, **order: Any
    ) -> Page:
        fewer = msgspec.structs.replace(query, version=None)
        return super().page(fewer, limit=limit, cursor=cursor, **order)


class ClaimsFewerFilters(MemoryStore):
    features = StoreFeatures(
        durability="memory",
        filters=ALL_FILTERS - {"outcome"},
    )


class ClaimsTooFewFilters(MemoryStore):
    features = StoreFeatures(durability="memory", filters=ALL_FILTERS - {"has_feedback"})


class IncludesTheEnd(MemoryStore):
    def page(
        self, query: RecordQuery, *, limit: int, cursor: str | None = None, **order: Any
    ) -> Page:
        if query.until_us is not None:
            until_us = min(query.until_us + 1, 2**63 - 1)
            query = msgspec.structs.replace(query, until_us=until_us)
        return super().page(query, limit=limit, cursor=cursor, **order)


class FoldsCase(MemoryStore):
    def page(
        self, query: RecordQuery, *, limit: int, cursor: str | None = None, **order: Any
    ) -> Page:
        if query.outcome == "yes":
            query = msgspec.structs.replace(query, outcome="Yes")
        return super().page(query, limit=limit, cursor=cursor, **order)


class FindsAnyWord(MemoryStore):
    """It finds what has one of the words."""

    def page(
        self, query: RecordQuery, *, limit: int, cursor: str | None = None, **order: Any
    ) -> Page:
        pages = [
            super(FindsAnyWord, self).page(
                msgspec.structs.replace(query, text=one), limit=10_000, **order
            )
            for one in (query.text or "").split()
        ]
        found = {one.id: one for page in pages for one in page.records}
        return Page(records=tuple(found[id_] for id_ in sorted(found, reverse=True)))


class SearchesInWords(MemoryStore):
    """It finds texts, also in the middle of a word, and among the names of fields."""

    def page(
        self, query: RecordQuery, *, limit: int, cursor: str | None = None, **order: Any
    ) -> Page:
        every = super().page(msgspec.structs.replace(query, text=None), limit=10_000, **order)
        texts = (query.text or "").casefold().split()
        found = [
            one
            for one in every.records
            if texts and all(text in one.inputs.decode().casefold() for text in texts)
        ]
        return Page(records=tuple(found))


class SearchesWhatItWasGiven(MemoryStore):
    """Its index of words is made when a record is inserted."""

    def __init__(self) -> None:
        super().__init__()
        self._words: dict[str, frozenset[str]] = {}

    def insert(self, records: Sequence[Record]) -> InsertResult:
        self._words |= {one.id: words_of(one) for one in records}
        return super().insert(records)

    def page(
        self, query: RecordQuery, *, limit: int, cursor: str | None = None, **order: Any
    ) -> Page:
        every = super().page(msgspec.structs.replace(query, text=None), limit=10_000, **order)
        wanted = words_in(query.text or "")
        return Page(records=tuple(one for one in every.records if wanted <= self._words[one.id]))


class FindsAllWithoutWords(MemoryStore):
    def page(
        self, query: RecordQuery, *, limit: int, cursor: str | None = None, **order: Any
    ) -> Page:
        if query.text is not None and not words_in(query.text):
            query = msgspec.structs.replace(query, text=None)
        return super().page(query, limit=limit, cursor=cursor, **order)


class ReadsSyntax(MemoryStore):
    """`a OR b` finds what has one of both."""

    def page(
        self, query: RecordQuery, *, limit: int, cursor: str | None = None, **order: Any
    ) -> Page:
        if query.text is not None:
            query = msgspec.structs.replace(query, text=query.text.partition(" OR ")[0])
        return super().page(query, limit=limit, cursor=cursor, **order)


class SearchesBeforeItFilters(MemoryStore):
    """A search forgets the other filters."""

    def page(
        self, query: RecordQuery, *, limit: int, cursor: str | None = None, **order: Any
    ) -> Page:
        if query.text is not None:
            query = RecordQuery(text=query.text)
        return super().page(query, limit=limit, cursor=cursor, **order)


class SearchesInputsOnly(MemoryStore):
    def page(
        self, query: RecordQuery, *, limit: int, cursor: str | None = None, **order: Any
    ) -> Page:
        every = super().page(msgspec.structs.replace(query, text=None), limit=10_000, **order)
        wanted, found = words_in(query.text or ""), []
        for one in every.records:
            bare = Record(one.id, one.time_us, "", "", one.inputs, one.outputs, "")
            found += [one] if wanted <= words_of(bare) else []
        return Page(records=tuple(found))


class KnowsAsciiOnly(MemoryStore):
    def page(
        self, query: RecordQuery, *, limit: int, cursor: str | None = None, **order: Any
    ) -> Page:
        if not (query.text or "").isascii():
            return Page(records=())
        return super().page(query, limit=limit, cursor=cursor, **order)


class KeepsTheFirstFeedback(MemoryStore):
    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        found = self.get(record_id, time_us=time_us)
        if found is not None and found.feedback is not None:
            return True
        return super().set_feedback(record_id, feedback, time_us=time_us)


class GivesEveryModelFeedback(MemoryStore):
    def set_feedback_many(self, feedback: Mapping[str, Feedback], *, model: str) -> frozenset[str]:
        return frozenset(id_ for id_ in feedback if self.set_feedback(id_, feedback[id_]))


class ForgetsWhatWasSaid(MemoryStore):
    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        is_set = super().set_feedback(record_id, feedback, time_us=time_us)
        if is_set:
            record = msgspec.structs.replace(self._records[record_id], feedback=feedback)
            self._records[record_id] = record
        return is_set


class RemembersEverything(MemoryStore):
    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        record = self.get(record_id, time_us=time_us)
        before = None if record is None else record.feedback
        is_set = super().set_feedback(record_id, feedback, time_us=time_us)
        if record is not None and before is not None:
            said = {"truth": msgspec.json.decode(before.truth), "time_us": before.time_us}
            earlier = [*msgspec.json.decode(before.earlier or b"[]"), said]
            new = msgspec.structs.replace(feedback, earlier=msgspec.json.encode(earlier))
            self._records[record_id] = msgspec.structs.replace(record, feedback=new)
        return is_set


class ReadsBeforeItLocks(ForgetsWhatWasSaid):
    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        record = self.get(record_id, time_us=time_us)
        time.sleep(0.01)
        new = succeeding(None if record is None else record.feedback, feedback)
        return super().set_feedback(record_id, new, time_us=time_us)


class MakesPhantoms(MemoryStore):
    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        if self.get(record_id) is None and record_id.isascii():
            blank = Record(
                id=record_id,
                time_us=1,
                model="",
                version="",
                inputs=b"{}",
                outputs=b"{}",
                outcome="",
            )
            self.insert([blank])
            return False
        return super().set_feedback(record_id, feedback, time_us=time_us)


class DeletesAllOfThatTime(MemoryStore):
    def delete(self, records: Sequence[Record]) -> int:
        times = [one.time_us for one in records]
        old = RecordQuery(since_us=min(times, default=0), until_us=max(times, default=0) + 1)
        return super().delete(self.page(old, limit=10_000).records)


class DeletesOnePiece(MemoryStore):
    def delete(self, records: Sequence[Record]) -> int:
        return super().delete(records[:1_000])


class CountsWhatItWasGiven(MemoryStore):
    def delete(self, records: Sequence[Record]) -> int:
        super().delete(records)
        return len(records)


class KeepsFeedbackOfTheDead(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, Feedback] = {}

    def insert(self, records: Sequence[Record]) -> InsertResult:
        back = [
            msgspec.structs.replace(one, feedback=self._told.get(one.id, one.feedback))
            for one in records
        ]
        return super().insert(back)

    def set_feedback(
        self, record_id: str, feedback: Feedback, *, time_us: int | None = None
    ) -> bool:
        if is_told := super().set_feedback(record_id, feedback, time_us=time_us):
            self._told[record_id] = feedback
        return is_told


class ChokesOnTheSecondClose(MemoryStore):
    def close(self) -> None:
        if self._is_closed:
            raise AssertionError("closed already")
        super().close()


BROKEN = [
    ("it_declares_its_features", ClaimsTooFewFilters),
    ("a_record_inserted_again_is_a_duplicate_and_changes_nothing", Overwrites),
    ("a_record_comes_back_as_it_was_given", ForgetsRequests),
    ("a_duplicate_never_erases_feedback", Overwrites),
    ("a_record_twice_in_a_batch_is_stored_once", ForgetsDuplicates),
    ("what_no_database_can_hold_fails_alone", RefusesTheWholeBatch),
    ("texts_of_every_script_come_back", CutsTexts),
    ("numbers_come_back_exactly", RoundsNumbers),
    ("an_unknown_id_is_none", FindsBeginnings),
    ("a_record_is_found_with_its_time_and_at_no_other", IgnoresTheTime),
    ("pages_are_newest_first_by_time_then_id", OldestFirst),
    ("oldest_first_pages_of_every_size_hold_every_record_once", NewestFirstOnly),
    ("oldest_first_a_cursor_resumes_with_what_came_later", BeginsAgainOldestFirst),
    ("records_inserted_meanwhile_move_no_page", CountsPages),
    ("the_cursor_at_the_end_is_none", NeverEnds),
    ("a_cursor_that_no_page_gave_is_refused", BeginsAgainAtBadCursors),
    ("filters_leave_what_fits_and_in_order", FiltersByFewer),
    ("a_filter_that_it_lacks_is_refused", ClaimsFewerFilters),
    ("the_end_of_a_time_range_is_not_in_it", IncludesTheEnd),
    ("texts_fit_only_themselves", FoldsCase),
    ("a_search_finds_the_records_that_have_all_its_words", FindsAnyWord),
    ("a_search_finds_the_records_that_have_all_its_words", SearchesInWords),
    ("a_search_knows_words_of_every_script", KnowsAsciiOnly),
    ("a_search_looks_at_values_and_not_at_names", SearchesInWords),
    ("a_search_finds_actors_and_names", SearchesInputsOnly),
    ("a_search_finds_feedback_and_forgets_what_was_corrected", SearchesWhatItWasGiven),
    ("a_search_narrows_with_other_filters_and_over_pages", SearchesBeforeItFilters),
    ("a_search_without_words_finds_nothing", FindsAllWithoutWords),
    ("what_looks_like_syntax_is_only_words", ReadsSyntax),
    ("feedback_is_added_and_returned", KeepsTheFirstFeedback),
    ("feedback_for_many_reaches_the_records_of_the_model_only", GivesEveryModelFeedback),
    ("corrected_feedback_keeps_earlier_truths", ForgetsWhatWasSaid),
    ("the_same_feedback_again_changes_nothing", RemembersEverything),
    ("the_history_of_feedback_is_bounded", RemembersEverything),
    ("threads_that_correct_a_record_lose_no_earlier_truth", ReadsBeforeItLocks),
    ("feedback_for_an_unknown_record_creates_none", MakesPhantoms),
    ("deleting_leaves_every_other_record", DeletesAllOfThatTime),
    ("deleting_leaves_every_other_record", DeletesOnePiece),
    ("what_is_not_there_is_not_counted_as_deleted", CountsWhatItWasGiven),
    ("a_deleted_record_leaves_no_feedback_behind", KeepsFeedbackOfTheDead),
    ("closing_twice_does_no_harm", ChokesOnTheSecondClose),
]


@pytest.mark.parametrize(("promise", "broken"), BROKEN)
def test_a_store_that_breaks_a_promise_is_found_out(
    promise: str, broken: type[MemoryStore]
) -> None:
    test = getattr(StoreContract(), f"test_{promise}")

    test(MemoryStore())
    with pytest.raises(AssertionError):
        test(broken())


class AddsAgain(SqlCounts):
    def add(self, entry: Entry, tallies: Tallies) -> None:
        super().add(entry._replace(number=time.time_ns()), tallies)


class KnowsTheLastEntryOnly(SqlCounts):
    """It takes entries of all sources for one another's."""

    def add(self, entry: Entry, tallies: Tallies) -> None:
        super().add(entry._replace(source="all"), tallies)


class KeepsTheLast(SqlCounts):
    def _add(self, connection: Any, id_: str, key: Key, tally: Tally) -> None:
        connection.execute(self._counts.delete().where(self._counts.c.id == id_))
        super()._add(connection, id_, key, tally)


class MixesLayouts(SqlCounts):
    def read(
        self, model: str, since_hour: int, until_hour: int, source: str = ""
    ) -> tuple[Found, int]:
        found, number = super().read(model, since_hour, until_hour, source)
        return {key: some[:1] for key, some in found.items()}, number


class KnowsNoEntry(SqlCounts):
    def read(
        self, model: str, since_hour: int, until_hour: int, source: str = ""
    ) -> tuple[Found, int]:
        return super().read(model, since_hour, until_hour, source)[0], 0


class FoldsModels(SqlCounts):
    def add(self, entry: Entry, tallies: Tallies) -> None:
        super().add(entry, [(key._replace(model=key.model.lower()), one) for key, one in tallies])


class ForgetsRoles(SqlCounts):
    def add(self, entry: Entry, tallies: Tallies) -> None:
        super().add(entry, [(key._replace(role="primary"), one) for key, one in tallies])


class ReadsBeforeItAdds(SqlCounts):
    """It adds outside of the transaction in which it reads."""

    def add(self, entry: Entry, tallies: Tallies) -> None:
        found, last = self.read("churn", 0, 2_000, entry.source)
        time.sleep(0.01)
        if last < entry.number:
            self.forget(2_000)
            others = [(key, one) for key, some in found.items() for one in some]
            super().add(entry, [*others, *tallies])


class LosesOldDays(SqlCounts):
    def make_days(self, before_hour: int) -> int:
        n_hours = super().make_days(before_hour)
        self.forget(24)
        return n_hours


class MakesDaysOfToday(SqlCounts):
    def make_days(self, before_hour: int) -> int:
        return super().make_days(before_hour + 24)


class ForgetsTheHour(SqlCounts):
    def forget(self, before_hour: int) -> None:
        super().forget(before_hour + 1)


class KnowsTheFirstHour(SqlCounts):
    def last_hours(self) -> dict[str, int]:
        return {key: self.read(key, 0, 2_000)[0].popitem()[0].hour for key in super().last_hours()}


class LacksTables(SqlCounts):
    def is_there(self) -> bool:
        return False


BROKEN_COUNTS = [
    ("counts_are_summed_by_version_role_and_hour", KeepsTheLast),
    ("counts_are_summed_by_version_role_and_hour", ForgetsRoles),
    ("counts_of_models_and_hours_are_read_apart", FoldsModels),
    ("another_layout_is_counted_beside_it", MixesLayouts),
    ("counts_that_are_added_again_change_nothing", AddsAgain),
    ("counts_that_are_added_again_change_nothing", KnowsTheLastEntryOnly),
    ("counts_say_up_to_which_entry_they_go", KnowsNoEntry),
    ("counts_of_threads_are_added_exactly", ReadsBeforeItAdds),
    ("counts_that_threads_add_at_once_are_added_once", AddsAgain),
    ("hours_become_days_with_the_same_sums", LosesOldDays),
    ("hours_become_days_with_the_same_sums", MakesDaysOfToday),
    ("counts_that_are_old_are_deleted", ForgetsTheHour),
    ("the_last_hour_of_each_model_is_known", KnowsTheFirstHour),
    ("there_is_a_place_for_counts", LacksTables),
]


@pytest.mark.parametrize(("promise", "broken"), BROKEN_COUNTS)
def test_counts_that_break_a_promise_are_found_out(
    promise: str, broken: type[SqlCounts], tmp_path: Path
) -> None:
    test = getattr(CountsContract(), f"test_{promise}")
    sound, unsound = (SqlStore(f"sqlite+pysqlite:///{tmp_path}/{n}.db") for n in (1, 2))
    unsound.counts = broken(unsound.engine, MetaData(), creates=True)

    test(sound)
    with pytest.raises(AssertionError):
        test(unsound)
    sound.close()
    unsound.close()
