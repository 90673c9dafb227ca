"""A processord in the middle of the tree that is gone or silent for a while, and the tree as it was when it is back."""
import signal

import pytest
from conftest import OUR_CAPTURES
from support.tree import PATIENCE, find, shape, wait_for_shape
from support.waiting import wait_until

CALL = OUR_CAPTURES / 'call-media.pcap'
WHOLE = 'root (beside) (middle below-middle (leaf below-leaf) (other))'
CUT = 'root (beside) (middle! below-middle (leaf below-leaf) (other))'


def as_told(node):
    """As text, less what only the processor that is asked says: figures."""
    node.ClearField('stats')
    for hunter in node.hunters:
        for field in ('connected_duration_sec', 'last_heartbeat_ns', 'stats', 'filters', 'filters_targeting',
                      'filter_revision'):
            hunter.ClearField(field)
    for child in node.downstream_processors:
        as_told(child)
    return str(node)


@pytest.mark.deadline(90)
@pytest.mark.parametrize('how', ['killed', pytest.param('silent', marks=pytest.mark.slow)])
def test_what_is_below_a_lost_processor_is_told_in_time_and_is_back_by_itself(tree, how):
    root = tree.start('root')
    middle = tree.start('middle', root)
    for name, above in (('beside', root), ('leaf', middle), ('other', middle)):
        tree.start(name, above)
    tree.hunter('middle', 'below-middle', CALL)
    tree.hunter('leaf', 'below-leaf', CALL)
    console = tree.console('root')
    wait_for_shape(console, WHOLE)

    if how == 'killed':
        middle.kill()
    else:
        middle.signal(signal.SIGSTOP)
    lost = console.wait_for(lambda u: u.HasField('reachability_changed'), 'the loss of middle',
                            within=1 if how == 'killed' else 20.5)  # and the half second in which one looks
    reason = 'its connection broke' if how == 'killed' else 'it has been silent for 20 s'
    assert (lost.reachability_changed.processor_id, lost.reachability_changed.reason) == ('middle', reason)
    assert not lost.reachability_changed.reachable
    assert shape(console.ask()) == CUT, 'what it was is kept'
    assert find(console.ask(), 'middle').unreachable_reason == reason
    assert find(console.ask(), 'beside').reachable

    if how == 'killed':
        tree.start('middle', root)
    else:
        tree.nodes['leaf'].wait_for_log('no upstream processor at .*: it has been silent for 20 s', PATIENCE)
        middle.signal(signal.SIGCONT)
    wait_for_shape(console, WHOLE, within=5)
    for path in (('beside',), ('middle',), ('middle', 'leaf'), ('middle', 'other')):
        name = path[-1]
        of_itself = tree.console(name)
        wait_until(lambda: as_told(find(console.ask(), *path)) == as_told(of_itself.ask()), 2,  # noqa: B023
                   f'{name} at the root as it is')
    console.check_numbers()


@pytest.mark.slow
@pytest.mark.deadline(90)
def test_after_a_long_outage_a_tree_is_whole_again_as_soon(tree):
    """By then a child waits longer and longer between its attempts."""
    root = tree.start('root')
    middle = tree.start('middle', root)
    leaf = tree.start('leaf', middle)
    console = tree.console('root')
    wait_for_shape(console, 'root (middle (leaf))')
    middle.kill()
    leaf.wait_for_log('trying the upstream again in_ms=1[0-9]{4} ', 60)
    tree.start('middle', root)
    wait_for_shape(console, 'root (middle (leaf))', within=5)
