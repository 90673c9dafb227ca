"""A processord that nobody can reach: behind a firewall, it dials its parent, and all passes that one connection."""
import json
import os
import subprocess

import pytest
from conftest import OUR_CAPTURES, REPOSITORY
from grpc_call import json_values
from support import capture_file
from support.peer import MANAGEMENT
from support.sites import Sites
from support.tree import PATIENCE
from support.waiting import wait_until

CALL = OUR_CAPTURES / 'call-media.pcap'


@pytest.fixture
def above_and_below():
    """Two sites."""
    if os.geteuid() != 0:
        pytest.skip('needs root for network namespaces')
    sites = Sites()
    above = sites.make()
    yield above, sites.make(above)
    sites.close()


@pytest.mark.deadline(60)
def test_a_processord_that_its_parent_cannot_reach_is_seen_with_all_below_it(programs, above_and_below, tmp_path):
    above, below = above_and_below
    top, bottom = below.parents_address, below.address

    def start(name, address, inside, *options):
        return programs.processord('--processor-id', name, '--state-dir', tmp_path / name, '--insecure', *options,
                                   listen=f'{address}:0', inside=inside)
    root = start('root', top, above.inside)
    upstream = f'{top}:{root.port}'
    child = start('child', bottom, below.inside, '--upstream', upstream)
    assert above.reaches((bottom, child.port))
    below.close_to_the_outside(child.port)
    assert not above.reaches((bottom, child.port))
    assert below.reaches((bottom, child.port))
    # The link as it is made from now on.
    child.kill()
    stored = tmp_path / 'stored.pcap'
    child = programs.processord('--processor-id', 'child', '--state-dir', tmp_path / 'child', '--insecure',
                                '--upstream', upstream, '--write-file', stored, listen=f'{bottom}:{child.port}',
                                inside=below.inside)
    child.wait_for_log('attached to the upstream processor', PATIENCE)

    console = programs.processes.start(
        [*above.inside, REPOSITORY / 'tests' / 'support' / 'grpc_call.py', '-plaintext', '-max-time', '60', '-d',
         json.dumps({'include_downstream': True, 'client_id': 'console'}), upstream,
         f'{MANAGEMENT}/SubscribeTopology'], 'console')

    def told():
        """The updates that the console has printed so far; the last of its text may be half of one yet."""
        output = console.output
        return list(json_values(output[:output.rfind('\n}\n') + 2])) if '\n}\n' in output else []

    def wait_told(kind, within=PATIENCE):
        return wait_until(lambda: next((u for u in told() if kind in u), None), within, kind)

    wait_until(lambda: told() and [c['processorId'] for c in told()[0]['snapshot']['downstreamProcessors']] == ['child'],
               PATIENCE, 'the child at the root')
    hunter = programs.hunterd(f'{bottom}:{child.port}', '--insecure', '--loop', '0', '--pace', interface=CALL,
                              hunter_id='edge-1', inside=below.inside)
    connected = wait_told('hunterConnected')
    assert (connected['path'], connected['hunterConnected']['hunter']['hunterId']) == (['child'], 'edge-1')
    wait_until(lambda: stored.stat().st_size > 1_000, PATIENCE, 'its packets')
    hunter.kill()
    lost = wait_told('hunterDisconnected', within=1.5)
    assert (lost['path'], lost['hunterDisconnected']['reason']) == (['child'], 'its connection broke')
    child.kill()
    broken = wait_told('reachabilityChanged', within=1.5)
    assert broken['reachabilityChanged']['reason'] == 'its connection broke'
    revisions = [int(update['revision']) for update in told()]
    assert revisions == list(range(revisions[0], revisions[0] + len(revisions)))


@pytest.mark.deadline(60)
def test_packets_and_changes_pass_the_connection_that_an_unreachable_child_has_made(programs, above_and_below, tmp_path):
    above, below = above_and_below
    top, bottom = below.parents_address, below.address

    stored = tmp_path / 'stored.pcapng'
    root = programs.processord('--processor-id', 'root', '--insecure', '--write-file', stored, listen=f'{top}:0',
                               inside=above.inside)
    child = programs.processord('--processor-id', 'child', '--insecure', '--state-dir', tmp_path / 'child', '--upstream',
                                f'{top}:{root.port}', '--spool-mode', 'off', listen=f'{bottom}:0', inside=below.inside)
    below.close_to_the_outside(child.port)
    assert not above.reaches((bottom, child.port))
    child.wait_for_log('attached to the upstream processor', PATIENCE)

    def ask(method, request):
        done = subprocess.run(
            [*above.inside, REPOSITORY / 'tests' / 'support' / 'grpc_call.py', '-plaintext', '-d', json.dumps(request),
             f'{top}:{root.port}', f'{MANAGEMENT}/{method}'], check=True, capture_output=True, text=True, timeout=20)
        return json.loads(done.stdout or '{}')

    hunter = programs.hunterd(f'{bottom}:{child.port}', '--insecure', '--spool-mode', 'off', interface=CALL,
                              inside=below.inside)
    assert hunter.wait() == 0, 'acknowledged, which without spools only the root can do'
    wanted = {'id': 'f1', 'type': 'FILTER_SIP_USER', 'pattern': 'alice', 'enabled': True}
    token = ask('RequestAuthToken', {'target_processor_id': 'child'})
    assert ask('UpdateFilterOnProcessor', {'processor_id': 'child', 'filter': wanted, 'auth_token': token})['success']
    assert [f['id'] for f in ask('GetFiltersFromProcessor', {'processor_id': 'child'})['filters']] == ['f1']
    assert child.stop() == 0 and root.stop() == 0
    capture_file.assert_same(capture_file.read(CALL), capture_file.read(stored))
