import pytest

from dags.spread import MOST_TASKS, spread


@pytest.mark.parametrize("count", [0, 1, 7, MOST_TASKS, MOST_TASKS + 1, 12_345])
def test_every_item_is_in_exactly_one_batch_in_order(count):
    batches = spread(list(range(count)))
    assert [item for batch in batches for item in batch] == list(range(count))
    assert len(batches) == min(count, MOST_TASKS)


def test_batches_differ_by_at_most_one_item():
    sizes = {len(batch) for batch in spread(list(range(1003)), tasks=10)}
    assert sizes == {100, 101}
