"""All contract tests of an adapter, as one class."""

from __future__ import annotations

from bestofinf.testing.failures import FailureContract
from bestofinf.testing.unvotable import UnvotableContract
from bestofinf.testing.votes import VoteContract, WeightContract


class AdapterContract(VoteContract, WeightContract, FailureContract, UnvotableContract):
    """Tests of what every adapter promises, whatever its framework.

    Subclass it in a test module, name the ways to ask, and give a fixture ``adapter`` that returns
    a `bestofinf.testing.Adapter`:

    ```python
    class TestMyAdapter(AdapterContract):
        ways = ("ask", "aask")
        cancellable = ("aask",)

        @pytest.fixture
        def adapter(self):
            return MyAdapter()
    ```

    Attributes:
        ways: Names of the ways to ask, blocking and asynchronous, whole and streamed.
        cancellable: Those that can be cancelled.
    """
