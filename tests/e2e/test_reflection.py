"""A client that knows no .proto can ask processord everything, as grpcurl does."""
import json
import subprocess
import sys

import grpc
import pytest
from conftest import OUR_CAPTURES, REPOSITORY
from grpc_call import Client
from support.peer import DATA, MANAGEMENT, Peer

CALL = REPOSITORY / 'tests' / 'support' / 'grpc_call.py'

CALLS = ['RegisterHunter', 'RegisterProcessor', 'Heartbeat', 'GetHunterStatus', 'ListAvailableHunters', 'GetTopology', 'UpdateFilter',
         'DeleteFilter', 'GetFilters', 'SubscribeFilters', 'UpdateFilterOnProcessor', 'DeleteFilterOnProcessor',
         'GetFiltersFromProcessor', 'RequestAuthToken', 'SubscribeTopology']


def grpc_call(*arguments):
    return subprocess.run([sys.executable, CALL, *arguments], text=True, capture_output=True, timeout=30, check=False)


@pytest.fixture
def processor(programs):
    return programs.processord('--processor-id', 'centre', '--write-file', programs.processes.folder / 'stored.pcapng')


@pytest.fixture
def client(processor):
    made = Client(processor.address)
    yield made
    made.close()


@pytest.fixture
def hunter(processor):
    peer = Peer(processor.address, 'edge-1')
    peer.deliver(b'\x02' * 60, 1_700_000_000_123_456_789)
    yield peer
    peer.close()


def test_reflection_names_all_services_and_calls(client):
    assert client.services() == sorted([MANAGEMENT, DATA, 'lippycat.link.LinkService', 'grpc.health.v1.Health',
                                        'grpc.reflection.v1alpha.ServerReflection'])
    assert {m.rpartition('.')[2] for m in client.methods(MANAGEMENT)} == set(CALLS)
    assert {m.rpartition('.')[2] for m in client.methods(DATA)} == {
        'StreamPackets', 'SubscribePackets', 'SubscribeCorrelatedCalls'}


def test_status_shows_the_connected_hunter(client, hunter):
    status = client.call(f'{MANAGEMENT}/GetHunterStatus')
    assert [h.hunter_id for h in status.hunters] == ['edge-1']
    assert status.hunters[0].hostname == 'test' and status.hunters[0].remote_addr.startswith('127.0.0.1')
    assert list(status.hunters[0].interfaces) == ['test0']
    assert status.processor_stats.processor_id == 'centre'
    assert status.processor_stats.total_hunters == 1
    assert status.processor_stats.total_packets_received == 1
    one = client.call(f'{MANAGEMENT}/GetHunterStatus', {'hunter_id': 'edge-1'})
    assert [h.hunter_id for h in one.hunters] == ['edge-1']
    with pytest.raises(grpc.RpcError) as unknown:
        client.call(f'{MANAGEMENT}/GetHunterStatus', {'hunter_id': 'nobody'})
    assert unknown.value.code() == grpc.StatusCode.NOT_FOUND and 'nobody' in unknown.value.details()


def test_available_hunters_lists_it(client, hunter):
    listed = client.call(f'{MANAGEMENT}/ListAvailableHunters').hunters
    assert [(h.hunter_id, h.hostname, list(h.interfaces)) for h in listed] == [('edge-1', 'test', ['test0'])]


def test_topology_is_the_processor_and_its_hunters(client, hunter):
    node = client.call(f'{MANAGEMENT}/GetTopology').processor
    assert (node.processor_id, node.reachable, node.hierarchy_depth) == ('centre', True, 0)
    assert [h.hunter_id for h in node.hunters] == ['edge-1']
    assert not node.downstream_processors and not node.upstream_processor


def test_health_says_serving_for_the_server_and_each_service(client):
    client.add_proto('grpc/health/v1/health.proto')
    for service in ('', MANAGEMENT, DATA, 'lippycat.link.LinkService'):
        reply = client.call('grpc.health.v1.Health/Check', {'service': service})
        assert reply.status == 1, service
    with pytest.raises(grpc.RpcError) as refused:
        client.call('grpc.health.v1.Health/Check', {'service': 'no.such.Service'})
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND


def test_a_console_gets_a_snapshot_of_calls_also_when_there_are_none(client):
    updates = client.call(f'{DATA}/SubscribeCorrelatedCalls', {'client_id': 'watcher', 'with_removals': True})
    begin, end = next(updates), next(updates)
    types = begin.DESCRIPTOR.fields_by_name['update_type'].enum_type.values_by_number
    assert [types[update.update_type].name for update in (begin, end)] == ['CALL_SNAPSHOT_BEGIN', 'CALL_SNAPSHOT_END']


def test_a_subscriber_gets_the_packets_of_the_hunters_it_chose(client, processor, hunter):
    other = Peer(processor.address, 'edge-2')
    wanted = client.call(f'{DATA}/SubscribePackets', {'client_id': 'watcher', 'has_hunter_filter': True,
                                                      'hunter_ids': ['edge-2'], 'bpf_filter': 'ether host 3:3:3:3:3:3'})
    headers = dict(wanted.initial_metadata())  # sent when the subscription stands
    assert headers is not None
    hunter.deliver(b'\x03' * 60, 1)
    other.deliver(b'\x04' * 60, 2)
    other.deliver(b'\x03' * 60, 3)
    batch = next(wanted)
    assert (batch.hunter_id, [(p.data, p.timestamp_ns) for p in batch.packets]) == ('edge-2', [(b'\x03' * 60, 3)])
    wanted.cancel()
    other.close()


def test_a_bad_subscription_filter_is_refused_with_libpcaps_words(client):
    with pytest.raises(grpc.RpcError) as refused:
        list(client.call(f'{DATA}/SubscribePackets', {'client_id': 'watcher', 'bpf_filter': 'udp port ('}))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert 'syntax error' in refused.value.details()


def test_the_command_line_client_works_as_grpcurl_would(processor, programs):
    hunter = programs.run('hunterd', '--processor', processor.address, '--hunter-id', 'edge-7',
                          '--interface', OUR_CAPTURES / 'call-media.pcap')
    assert hunter.code == 0
    listed = grpc_call('-plaintext', processor.address, 'list')
    assert listed.returncode == 0 and MANAGEMENT in listed.stdout.split()
    status = grpc_call('-plaintext', '-d', '{}', processor.address, f'{MANAGEMENT}/GetHunterStatus')
    assert status.returncode == 0, status.stderr
    assert json.loads(status.stdout)['processorStats']['totalPacketsReceived'] == '106'
    refused = grpc_call('-plaintext', '-d', '{"hunter_id": "nobody"}', processor.address,
                        f'{MANAGEMENT}/GetHunterStatus')
    assert refused.returncode == 64 + grpc.StatusCode.NOT_FOUND.value[0]
    assert 'Code: NOT_FOUND' in refused.stderr
