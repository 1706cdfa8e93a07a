"""The contract of stores of records, as tests that their authors run."""

from podium.testing.stores.changing import Changing
from podium.testing.stores.counting import CountsContract
from podium.testing.stores.filtering import Filtering
from podium.testing.stores.keeping import Keeping
from podium.testing.stores.paging import Paging
from podium.testing.stores.searching import Searching
from podium.testing.stores.sharing import Sharing

__all__ = ["CountsContract", "StoreContract"]


class StoreContract(Keeping, Paging, Filtering, Searching, Changing, Sharing):
    """The contract of a store. Inherit it, and provide an empty store as the fixture `store`:

    ```python
    class TestMyStore(StoreContract):
        @pytest.fixture
        def store(self) -> Iterator[Store]:
            store = MyStore("mydb://127.0.0.1:4711/test")
            yield store
            store.close()
    ```

    If a record can't be found as soon as `insert` returns, override `settle` to make writes
    visible. `pytest.register_assert_rewrite("podium.testing.stores")` in your `conftest.py` makes
    failures show the values that differ.
    """
