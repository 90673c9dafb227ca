"""Who may not be where it wants to be in the tree: all kinds at once, for each of them tries again after 10 to 15 s."""
import pytest
from support.operator import Operator
from support.tree import PATIENCE, shape, wait_for_shape
from support.waiting import wait_until

CYCLE = 'processor cycle detected in upstream chain'
DEEP = [f'p{level}' for level in range(11)]
RETRY = 25  # seconds; it is 15 at most, and then a moment


def status(node):
    """Its status and why, as the status call and the topology have it; they agree."""
    operator = Operator(node)
    try:
        stats = operator.call('GetHunterStatus').processor_stats
        topology = operator.call('GetTopology').processor
        assert (stats.status, stats.status_reason) == (topology.status, topology.status_reason)
        return stats.status, stats.status_reason
    finally:
        operator.close()


def wait_refused(node, text):
    wait_until(lambda: status(node)[1].endswith(text), PATIENCE, text)
    assert status(node)[0] == 1  # PROCESSOR_WARNING


@pytest.mark.slow
@pytest.mark.deadline(90)
def test_who_is_refused_says_why_disturbs_nobody_and_attaches_by_itself_once_that_is_corrected(tree, proxy_to):
    root = tree.start('root')

    # What comes to the wrong place does so through a relay, which leads to the right one later.
    own = proxy_to(root.port)
    own.refuse()
    itself = tree.start('itself', own)
    closing = proxy_to(root.port)
    closing.refuse()
    a = tree.start('a', closing)
    b = tree.start('b', a)
    c = tree.start('c', b)
    twin = tree.start('twin', root)
    tree.chain(*DEEP)
    wait_for_shape(tree.console('a'), 'a (b (c))')
    wait_for_shape(tree.console('root'), 'root (twin)')
    wait_for_shape(tree.console('p0'), ' ('.join(DEEP) + ')' * 10)

    bystanders = {name: tree.console(name) for name in ('root', 'c', 'p0', 'p10')}
    seen = {name: len(console.updates) for name, console in bystanders.items()}
    own.target = itself.port
    own.refuse(False)
    closing.target = c.port
    closing.refuse(False)
    second = tree.start('second', root, processor_id='twin')
    eleventh = tree.start('p11', tree.nodes['p10'])
    wait_refused(itself, CYCLE)
    wait_refused(a, CYCLE)
    wait_refused(eleventh, 'hierarchy depth limit exceeded (max: 10)')
    wait_until(lambda: 'in use' in status(second)[1], PATIENCE, 'the second twin refused')
    reason = status(second)[1]
    assert twin.address in reason and second.address in reason, 'both are named'

    assert {name: len(console.updates) for name, console in bystanders.items()} == seen
    assert all(status(node)[0] == 0 for node in (root, b, c, twin, tree.nodes['p0']))
    assert shape(tree.console('a').ask()) == 'a (b (c))'

    for relay in (own, closing):
        relay.target = root.port
        relay.cut()
    assert twin.stop() == 0
    assert tree.nodes['p0'].stop() == 0  # so there is a level less
    wait_for_shape(bystanders['root'], 'root (a (b (c))) (itself) (twin)', RETRY)
    wait_for_shape(tree.console('p1'), ' ('.join([*DEEP[1:], 'p11']) + ')' * 10, RETRY)
    for node in (itself, a, second):
        wait_until(lambda: status(node) == (0, ''), PATIENCE, 'a status without a fault')  # noqa: B023
    wait_until(lambda: status(eleventh)[1].startswith('hierarchy depth 10:'), PATIENCE, 'that it is deep, and no more')
    bystanders['root'].check_numbers()
