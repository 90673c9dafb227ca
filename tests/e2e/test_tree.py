"""Processords below each other on loopback: the root sees all of them and what happens there, when it happens."""
import re

import pytest
from conftest import OUR_CAPTURES
from support.tree import PATIENCE, find, shape, wait_for_shape
from support.waiting import wait_until

CALL = OUR_CAPTURES / 'call-media.pcap'


def test_the_root_shows_all_of_a_chain_of_three_and_what_happens_at_its_end(tree):
    tree.chain('root', 'middle', 'leaf')
    console = tree.console('root')
    wait_for_shape(console, 'root (middle (leaf))')
    node = console.ask()
    assert [find(node, *path).hierarchy_depth for path in ((), ('middle',), ('middle', 'leaf'))] == [0, 1, 2]
    assert find(node, 'middle', 'leaf').upstream_processor == tree.nodes['middle'].address
    assert find(node, 'middle', 'leaf').address == tree.nodes['leaf'].address
    at_leaf = tree.console('leaf')
    assert at_leaf.ask().hierarchy_depth == 2

    hunter = tree.hunter('leaf', 'edge-1', CALL)
    connected = console.wait_for(lambda u: u.hunter_connected.hunter.hunter_id == 'edge-1', 'edge-1')
    assert list(connected.path) == ['middle', 'leaf'] and connected.processor_id == 'leaf'
    wait_for_shape(console, 'root (middle (leaf edge-1))')
    # Between its registration and its streams there is no connection of it that could break.
    wait_until(lambda: at_leaf.ask().stats.total_packets_received, PATIENCE, 'its packets')
    hunter.kill()
    lost = console.wait_for(lambda u: u.hunter_disconnected.hunter_id == 'edge-1', 'its loss', within=1)
    assert (list(lost.path), lost.hunter_disconnected.reason) == (['middle', 'leaf'], 'its connection broke')
    console.check_numbers()


def test_what_is_below_a_killed_processor_is_unreachable_until_it_is_back(tree):
    tree.chain('root', 'middle', 'leaf')
    console = tree.console('root')
    wait_for_shape(console, 'root (middle (leaf))')
    tree.nodes['middle'].kill()
    lost = console.wait_for(lambda u: u.HasField('reachability_changed'), 'the loss of middle', within=1)
    assert (lost.processor_id, lost.reachability_changed.processor_id) == ('root', 'middle')
    assert not lost.reachability_changed.reachable
    assert lost.reachability_changed.reason == 'its connection broke'
    middle = find(console.ask(), 'middle')
    assert (middle.unreachable_reason, middle.unreachable_since_ns) == \
        ('its connection broke', lost.reachability_changed.since_ns)
    assert shape(console.ask()) == 'root (middle! (leaf))', 'what it was is kept'

    tree.start('middle', tree.nodes['root'])
    wait_for_shape(console, 'root (middle (leaf))')
    assert console.wait_for(lambda u: u.reachability_changed.reachable, 'the return')
    console.check_numbers()


def test_a_processor_that_stops_leaves_the_tree(tree):
    tree.chain('root', 'middle', 'leaf')
    console = tree.console('root')
    wait_for_shape(console, 'root (middle (leaf))')
    assert tree.nodes['middle'].stop() == 0
    gone = console.wait_for(lambda u: u.HasField('processor_disconnected'), 'the end of middle', within=2)
    assert gone.processor_disconnected.processor_id == 'middle'
    assert gone.processor_disconnected.reason == 'the processor is stopping'
    assert shape(console.ask()) == 'root'
    tree.nodes['leaf'].wait_for_log('no upstream processor at .*: the processor is stopping')
    tree.start('middle', tree.nodes['root'])
    wait_for_shape(console, 'root (middle (leaf))')


def test_the_next_upstream_serves_while_the_first_is_away(tree):
    first, second = tree.start('first'), tree.start('second')
    first.kill()
    tree.start('leaf', first, second)
    wait_for_shape(tree.console('second'), 'second (leaf)')


def refused(tree, name, text):
    """That it says so in its log, and in its status as consoles are shown it."""
    tree.nodes[name].wait_for_log(f'no upstream processor at .*: {re.escape(text)}', PATIENCE)
    node = wait_until(lambda: (n := tree.console(name).ask()).status_reason.endswith(text) and n, PATIENCE, text)
    assert node.status == 1  # PROCESSOR_WARNING


def test_a_cycle_of_three_is_refused(tree):
    tree.chain('a', 'b', 'c')
    tree.nodes['a'].kill()
    tree.start('a', tree.nodes['c'])
    # Whoever closes the cycle is refused; that is a, or b where it comes back later.
    names = 'a', 'b', 'c'
    text = 'processor cycle detected in upstream chain'
    wait_until(lambda: any(text in tree.nodes[name].log for name in names), PATIENCE, text)
    wait_until(lambda: sum(not tree.console(name).ask().status_reason for name in names) == 2, 20, 'two stay attached')


@pytest.mark.deadline(90)
def test_the_eleventh_level_is_refused_and_the_eighth_warns(tree):
    names = [f'p{level}' for level in range(11)]
    tree.chain(*names)
    console = tree.console('p0')
    wait_until(lambda: find(console.ask(), *names[1:]).hierarchy_depth == 10, PATIENCE, 'ten levels')
    assert 'hierarchy depth 8' in find(console.ask(), *names[1:9]).status_reason
    assert not find(console.ask(), *names[1:8]).status_reason
    tree.start('p11', tree.nodes['p10'])
    refused(tree, 'p11', 'hierarchy depth limit exceeded (max: 10)')


def test_links_are_encrypted_and_their_ends_known_with_tls(tree, programs, certificates, tmp_path):
    tls = ['--tls-cert', certificates / 'processor.crt', '--tls-key', certificates / 'processor.key', '--tls-ca',
           certificates / 'ca.crt']
    root = programs.processord('--processor-id', 'root', '--state-dir', tmp_path / 'root', *tls)
    leaf = programs.processord('--processor-id', 'leaf', '--state-dir', tmp_path / 'leaf', '--upstream', root.address,
                               *tls)
    leaf.wait_for_log('attached to the upstream processor', PATIENCE)
    plain = programs.processord('--processor-id', 'plain', '--state-dir', tmp_path / 'plain', '--upstream', root.address)
    plain.wait_for_log('no upstream processor at', PATIENCE)
