"""How each node of a tree is doing, as a console at the root is told."""
from conftest import OUR_CAPTURES
from support.tree import PATIENCE, find, wait_for_shape
from support.waiting import wait_until

CALL = OUR_CAPTURES / 'call-media.pcap'
FIGURES = 103


def test_figures_of_a_hunter_at_depth_two_reach_a_console_at_the_root_within_three_seconds(tree):
    tree.chain('root', 'middle', 'leaf')
    plain = tree.console('root')
    wait_for_shape(plain, 'root (middle (leaf))')
    tree.hunter('leaf', 'edge-1', CALL)
    wait_for_shape(plain, 'root (middle (leaf edge-1))')
    at_leaf = tree.console('leaf')
    captured = wait_until(lambda: at_leaf.ask().hunters[0].stats.packets_captured, PATIENCE, 'its first heartbeat')

    console = tree.console('root', figures_interval_ms=200)
    came = console.wait_for(lambda u: list(u.path) == ['middle', 'leaf'] and u.figures.hunters and
                            u.figures.hunters[0].stats.packets_captured >= captured, 'figures of leaf', within=3)
    assert (came.update_type, came.revision, came.processor_id) == (FIGURES, 0, 'leaf')
    (hunter,) = came.figures.hunters
    assert hunter.hunter_id == 'edge-1'
    assert hunter.stats.started_ns and hunter.last_heartbeat_ns
    assert abs(hunter.clock_offset_ns) < 1e9, 'one machine, one clock'
    leaf = came.figures.processor
    assert leaf.memory_rss_bytes > 1e6 and 0 < leaf.started_ns < came.timestamp_ns
    wait_until(lambda: {tuple(u.path) for u in list(console.updates) if u.HasField('figures')} >=
               {(), ('middle',), ('middle', 'leaf')}, PATIENCE, 'figures of each processor')

    below = find(plain.ask(), 'middle', 'leaf')
    assert (below.stats.processor_id, below.stats.total_hunters, below.stats.healthy_hunters) == ('leaf', 1, 1)
    assert below.hunters[0].stats.packets_captured >= captured
    assert not any(u.HasField('figures') for u in plain.updates), 'who has not asked for them is told of changes alone'
    console.check_numbers()

    tree.nodes['middle'].kill()
    console.wait_for(lambda u: u.HasField('reachability_changed'), 'the loss of middle')
    assert not find(plain.ask(), 'middle', 'leaf').HasField('stats'), 'nobody knows how it is doing'
