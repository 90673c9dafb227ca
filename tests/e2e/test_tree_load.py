"""10,000 changes at the lower end of a chain of ten processords, as a console at the root is told of them."""
import collections

import pytest
from support.tree import PATIENCE, wait_for_shape
from support.waiting import wait_until
from topology_load import Changing, Follower, ask, delays, percentile, statuses

CHAIN = [f'p{level}' for level in range(10)]
HUNTERS, CHANGES_OF_EACH, PER_SECOND = 10, 1_000, 500


@pytest.mark.slow
@pytest.mark.deadline(100)
def test_each_of_ten_thousand_changes_nine_levels_below_is_told_at_the_root_in_order(tree):
    tree.chain(*CHAIN)
    root, leaf = tree.nodes['p0'].address, tree.nodes['p9'].address
    wait_for_shape(tree.console('p0'), ' ('.join(CHAIN) + ')' * 9)
    quick, slow = Follower(root), Follower(root, pause=0.05)
    wait_until(lambda: quick.snapshots and slow.snapshots, PATIENCE, 'two snapshots')
    changing = Changing(leaf, HUNTERS, CHANGES_OF_EACH, PER_SECOND)
    try:
        wait_until(lambda: len(quick.hunters) == HUNTERS, PATIENCE, 'the hunters at the root')
        changing.begin()
        total = HUNTERS * CHANGES_OF_EACH
        wait_until(lambda: quick.count() >= total, 60, 'all changes at the root')
        slow.hurry()
        truth = statuses(ask(leaf))
        below_root = {(tuple(CHAIN[1:]), hunter): status for (_, hunter), status in truth.items()}
        assert len(below_root) == HUNTERS
        wait_until(lambda: slow.hunters == below_root, 20, 'the truth at the slow subscriber')
        assert quick.hunters == statuses(ask(root)) == below_root
    finally:
        changing.close()
        quick.close()
        slow.close()

    assert (quick.snapshots, quick.gaps, slow.gaps) == (1, 0, 0)
    assert slow.snapshots > 1 and slow.count() < total, 'it was not slow'
    for hunter in changing.said:
        told = [status for status, _ in quick.heard[hunter]]
        assert told == [(number + 1) % 3 for number in range(CHANGES_OF_EACH)], hunter
    assert collections.Counter(map(len, changing.said.values())) == {CHANGES_OF_EACH: HUNTERS}
    took = delays(changing, quick)
    median, most, longest = (f'{seconds * 1e3:.1f} ms' for seconds in
                             (percentile(took, 0.5), percentile(took, 0.99), took[-1]))
    print(f'from change to event: median {median}, 99 % {most}, longest {longest}; the slow one had '
          f'{slow.snapshots} snapshots and {slow.count()} changes')
