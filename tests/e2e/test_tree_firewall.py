"""A processord that nobody can reach: behind a firewall, it dials its parent, and all passes that one connection."""
import json
import os
import socket
import subprocess

import pytest
from conftest import OUR_CAPTURES, REPOSITORY
from grpc_call import json_values
from support import capture_file
from support.network import Link, made_in
from support.peer import MANAGEMENT
from support.tree import PATIENCE
from support.waiting import wait_until

CALL = OUR_CAPTURES / 'call-media.pcap'
ABOVE, BELOW = '192.0.2.1', '192.0.2.2'


class Sites:
    """Two namespaces with a wire between them: `above` and `below`, each what to put before a command line."""

    def __init__(self):
        self._link = Link()
        self.above, self.below = (['ip', 'netns', 'exec', name] for name in (self._link.watcher, self._link.sender))
        self._link.run(self._link.watcher, 'ip', 'address', 'add', f'{ABOVE}/24', 'dev', self._link.rx[0])
        self._link.run(self._link.sender, 'ip', 'address', 'add', f'{BELOW}/24', 'dev', self._link.tx[0])

    def close_to_the_outside(self, port):
        """As a firewall in front of the lower site: nothing that comes over the wire gets to that port of it."""
        for rule in (['add', 'pref', '10', 'iif', self._link.tx[0], 'ipproto', 'tcp', 'dport', port, 'blackhole'],
                     ['add', 'pref', '20', 'lookup', 'local'], ['delete', 'pref', '0']):
            self._link.run(self._link.sender, 'ip', 'rule', *rule)

    def reaches(self, address, from_below):
        """Whether a TCP connection can be made."""
        def attempt():
            try:
                socket.create_connection(address, timeout=1).close()
                return True
            except OSError:
                return False
        return made_in(self._link.sender if from_below else self._link.watcher, attempt)

    def close(self):
        self._link.close()


@pytest.fixture
def sites():
    if os.geteuid() != 0:
        pytest.skip('needs root for network namespaces')
    made = Sites()
    yield made
    made.close()


@pytest.mark.deadline(60)
def test_a_processord_that_its_parent_cannot_reach_is_seen_with_all_below_it(programs, sites, tmp_path):
    def start(name, address, inside, *options):
        return programs.processord('--processor-id', name, '--state-dir', tmp_path / name, '--insecure', *options,
                                   listen=f'{address}:0', inside=inside)
    root = start('root', ABOVE, sites.above)
    upstream = f'{ABOVE}:{root.port}'
    child = start('child', BELOW, sites.below, '--upstream', upstream)
    assert sites.reaches((BELOW, child.port), from_below=False)
    sites.close_to_the_outside(child.port)
    assert not sites.reaches((BELOW, child.port), from_below=False)
    assert sites.reaches((BELOW, child.port), from_below=True)
    # The link as it is made from now on.
    child.kill()
    stored = tmp_path / 'stored.pcap'
    child = programs.processord('--processor-id', 'child', '--state-dir', tmp_path / 'child', '--insecure',
                                '--upstream', upstream, '--write-file', stored, listen=f'{BELOW}:{child.port}',
                                inside=sites.below)
    child.wait_for_log('attached to the upstream processor', PATIENCE)

    console = programs.processes.start(
        [*sites.above, REPOSITORY / 'tests' / 'support' / 'grpc_call.py', '-plaintext', '-max-time', '60', '-d',
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
    hunter = programs.hunterd(f'{BELOW}:{child.port}', '--insecure', '--loop', '0', '--pace', interface=CALL,
                              hunter_id='edge-1', inside=sites.below)
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
def test_packets_and_changes_pass_the_connection_that_an_unreachable_child_has_made(programs, sites, tmp_path):
    stored = tmp_path / 'stored.pcapng'
    root = programs.processord('--processor-id', 'root', '--insecure', '--write-file', stored, listen=f'{ABOVE}:0',
                               inside=sites.above)
    child = programs.processord('--processor-id', 'child', '--insecure', '--state-dir', tmp_path / 'child', '--upstream',
                                f'{ABOVE}:{root.port}', '--spool-mode', 'off', listen=f'{BELOW}:0', inside=sites.below)
    sites.close_to_the_outside(child.port)
    assert not sites.reaches((BELOW, child.port), from_below=False)
    child.wait_for_log('attached to the upstream processor', PATIENCE)

    def ask(method, request):
        done = subprocess.run(
            [*sites.above, REPOSITORY / 'tests' / 'support' / 'grpc_call.py', '-plaintext', '-d', json.dumps(request),
             f'{ABOVE}:{root.port}', f'{MANAGEMENT}/{method}'], check=True, capture_output=True, text=True, timeout=20)
        return json.loads(done.stdout or '{}')

    hunter = programs.hunterd(f'{BELOW}:{child.port}', '--insecure', '--spool-mode', 'off', interface=CALL,
                              inside=sites.below)
    assert hunter.wait() == 0, 'acknowledged, which without spools only the root can do'
    wanted = {'id': 'f1', 'type': 'FILTER_SIP_USER', 'pattern': 'alice', 'enabled': True}
    token = ask('RequestAuthToken', {'target_processor_id': 'child'})
    assert ask('UpdateFilterOnProcessor', {'processor_id': 'child', 'filter': wanted, 'auth_token': token})['success']
    assert [f['id'] for f in ask('GetFiltersFromProcessor', {'processor_id': 'child'})['filters']] == ['f1']
    assert child.stop() == 0 and root.stop() == 0
    capture_file.assert_same(capture_file.read(CALL), capture_file.read(stored))
