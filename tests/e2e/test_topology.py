"""A console that follows the topology of a processord sees what happens to its hunters when it happens."""
import pytest
from conftest import OUR_CAPTURES
from support.topology import TopologyConsole
from support.waiting import wait_until

CALL = OUR_CAPTURES / 'call-media.pcap'


@pytest.fixture
def processor(programs, tmp_path):
    return programs.processord('--processor-id', 'centre', '--state-dir', tmp_path / 'state')


@pytest.fixture
def console(processor):
    made = TopologyConsole(processor)
    yield made
    made.close()


def start(programs, processor, hunter_id):
    return programs.hunterd(processor, '--loop', '0', '--pace', interface=CALL, hunter_id=hunter_id)


def wait_for_streams(console, hunter_id):
    """Between its registration and its streams there is no connection of a hunter that could break."""
    def beats():
        return any(hunter.hunter_id == hunter_id and hunter.last_heartbeat_ns for hunter in console.ask().hunters)
    wait_until(beats, 10, f'a heartbeat of {hunter_id}')


def test_a_hunter_that_connects_and_is_killed_is_told_at_once(programs, processor, console):
    assert console.tree.processor_id == 'centre' and not console.tree.hunters
    hunter = start(programs, processor, 'edge-1')
    connected = console.wait_for(lambda u: u.hunter_connected.hunter.hunter_id == 'edge-1', 'edge-1')
    assert list(connected.hunter_connected.hunter.interfaces) == [str(CALL)]
    wait_for_streams(console, 'edge-1')
    hunter.kill()
    lost = console.wait_for(lambda u: u.hunter_disconnected.hunter_id == 'edge-1', 'its loss', within=1)
    assert lost.hunter_disconnected.reason == 'its connection broke'
    assert not console.ask().hunters
    console.check_numbers()


def test_a_hunter_that_stops_says_so_and_leaves(programs, processor, console):
    hunter = start(programs, processor, 'edge-1')
    console.wait_for(lambda u: u.hunter_connected.hunter.hunter_id == 'edge-1', 'edge-1')
    hunter.wait_for_log('connected')
    assert hunter.stop() == 0
    left = console.wait_for(lambda u: u.hunter_disconnected.hunter_id == 'edge-1', 'its end')
    assert left.hunter_disconnected.reason == 'it has stopped'
    console.check_numbers()


def test_what_get_topology_answers_is_what_the_changes_lead_to(programs, processor, console):
    hunters = [start(programs, processor, f'edge-{number}') for number in range(3)]
    for number in range(3):
        console.wait_for(lambda u: u.hunter_connected.hunter.hunter_id == f'edge-{number}', 'it')  # noqa: B023
    wait_for_streams(console, 'edge-1')
    hunters[1].kill()
    console.wait_for(lambda u: u.hunter_disconnected.hunter_id == 'edge-1', 'its loss', within=2)
    assert [h.hunter_id for h in console.ask().hunters] == ['edge-0', 'edge-2']
    later = TopologyConsole(processor)
    assert [h.hunter_id for h in later.tree.hunters] == ['edge-0', 'edge-2']
    later.close()


def test_a_processor_that_stops_ends_the_subscription(processor, console):
    assert processor.stop() == 0
    assert console.end() == 'UNAVAILABLE'
