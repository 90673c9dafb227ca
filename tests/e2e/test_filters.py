"""Filters as an operator sees them: changed by calls, shown in the status, obeyed by hunterd."""
import json
import re
import subprocess
import sys

import grpc
import pytest
from conftest import OUR_CAPTURES, REPOSITORY
from support import capture_file, judges
from support.filtering import Filtering

CALL = OUR_CAPTURES / 'call-media.pcap'
GRPC_CALL = REPOSITORY / 'tests' / 'support' / 'grpc_call.py'
SERVICE = 'lippycat.management.ManagementService'

# The protocol document's examples for grpcurl, word by word.
ADD_FOR_ALL = '''{
  "id": "filter-1",
  "type": "FILTER_IP_ADDRESS",
  "pattern": "192.168.1.0/24",
  "enabled": true,
  "description": "Local network filter"
}'''
ADD_FOR_ONE = '''{
  "id": "filter-2",
  "type": "FILTER_SIP_USER",
  "pattern": "alicent@example.com",
  "target_hunters": ["hunter-1"],
  "enabled": true
}'''
DELETE = '''{
  "filter_id": "filter-1"
}'''

BAD_PATTERNS = {  # what the refusal must name
    'SIP_USER': ('ali\\ce', 'position 4'),
    'PHONE_NUMBER': ('+49 30 x', 'position 8'),
    'IP_ADDRESS': ('192.0.2.0/33', 'position 11'),
    'CALL_ID': ('abc\\d', 'position 4'),
    'CODEC': ('PCM U', 'position 4'),
    'BPF': ('udp port (', 'syntax error'),  # libpcap's own words, which know no position
    'SIP_URI': ('sip:ada@example.com', 'position 1'),
    'DNS_DOMAIN': ('exa\\mple.com', 'position 4'),
    'EMAIL_ADDRESS': ('nobody', 'position 7'),
    'EMAIL_SUBJECT': ('a\\b', 'position 2'),
    'TLS_SNI': ('www\\.example.com', 'position 4'),
    'TLS_JA3': ('xyz', 'position 1'),
    'TLS_JA3S': ('0' * 31, 'position 32'),
    'TLS_JA4': ('t13d1516h2-8daaf6152771_b186095e22b6', 'position 11'),
    'HTTP_HOST': ('\\', 'position 1'),
    'HTTP_URL': ('/index\thtml', 'position 7'),
    'IMSI': ('26201a', 'position 6'),
    'IMEI': ('1234567890123', 'position 14'),
    'MEDIA_ENDPOINT': ('192.0.2.1:4000', 'made by processors'),
}


@pytest.fixture
def filtering(programs, tmp_path):
    made = Filtering(programs, tmp_path)
    yield made
    made.close()


def grpcurl(processor, request, method):
    """The reply of the command line, as a user types it."""
    port = processor.address.rpartition(':')[2]
    done = subprocess.run([sys.executable, GRPC_CALL, '-plaintext', '-d', request, f'localhost:{port}',
                           f'{SERVICE}/{method}'], text=True, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def endless_hunter(programs, processor, hunter_id):
    """One that stays connected, and needs no rights for it."""
    hunter = programs.hunterd(processor, '--loop', '0', '--pace', interface=CALL, hunter_id=hunter_id)
    hunter.wait_for_log('connected')
    return hunter


def test_the_documented_commands_add_and_delete_filters_and_the_status_shows_them(programs, filtering):
    operator = filtering.operator
    for hunter_id in ('hunter-1', 'hunter-2'):
        endless_hunter(programs, filtering.processor, hunter_id)
        operator.wait_for_hunter(hunter_id, lambda h: h.stats.packets_captured > 0, 'the first heartbeat')

    def rolled_out(reply, hunters):
        """The reply says how many have confirmed within its second, and that the others are awaited."""
        assert reply['success'] and not reply.get('error')
        assert reply['huntersUpdated'] + reply.get('huntersPending', 0) == hunters
        return int(reply['revision'])

    added = rolled_out(grpcurl(filtering.processor, ADD_FOR_ALL, 'UpdateFilter'), 2)
    for hunter_id in ('hunter-1', 'hunter-2'):
        hunter = operator.wait_in_force(hunter_id, added)
        assert (hunter.filter_revision, hunter.stats.active_filters, hunter.filters_targeting) == (added, 1, 1)
        assert [f.description for f in hunter.filters] == ['Local network filter']

    for_one = rolled_out(grpcurl(filtering.processor, ADD_FOR_ONE, 'UpdateFilter'), 1)
    hunter = operator.wait_in_force('hunter-1', for_one)
    assert (hunter.filter_revision, hunter.stats.active_filters) == (for_one, 2)
    assert [f.id for f in hunter.filters] == ['filter-1', 'filter-2']
    other = operator.hunter('hunter-2')
    assert (other.filter_revision, other.stats.active_filters) == (added, 1)
    assert [f.id for f in other.filters] == ['filter-1']
    assert set(operator.listed()) == set(operator.listed('hunter-1')) == {'filter-1', 'filter-2'}
    assert set(operator.listed('hunter-2')) == {'filter-1'}
    assert operator.listed()['filter-2'].pattern == 'alicent@example.com'

    deleted = rolled_out(grpcurl(filtering.processor, DELETE, 'DeleteFilter'), 2)
    assert added < for_one < deleted
    assert operator.wait_in_force('hunter-1', deleted).stats.active_filters == 1
    assert operator.wait_in_force('hunter-2', deleted).stats.active_filters == 0
    assert set(operator.listed()) == {'filter-2'}
    with pytest.raises(grpc.RpcError) as refused:
        operator.delete('filter-1')
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND


def test_a_hunter_in_good_health_confirms_a_change_within_the_second_that_the_answer_waits(programs, filtering):
    endless_hunter(programs, filtering.processor, 'hunter-1')
    operator = filtering.operator
    operator.wait_for_hunter('hunter-1', lambda h: h.stats.packets_captured > 0, 'the first heartbeat')
    updated = [operator.put(f'f{i}', 'IP_ADDRESS', f'192.0.2.{i}').hunters_updated for i in range(1, 9)]
    assert sum(updated) > 0, 'not one of eight changes was confirmed in time'


def test_bad_patterns_are_refused_with_their_position_and_what_was_in_force_stays(filtering):
    operator = filtering.operator
    operator.put('good', 'SIP_USER', 'ada')
    before = filtering.forwarded(CALL)
    assert before == list(capture_file.read(CALL))
    revision = operator.put('nothing', 'IP_ADDRESS', '198.51.100.1').revision
    for kind, (pattern, named) in BAD_PATTERNS.items():
        for filter_id in ('new', 'good'):
            with pytest.raises(grpc.RpcError) as refused:
                operator.put(filter_id, kind, pattern)
            assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT, kind
            assert named in refused.value.details(), f'{kind}: {refused.value.details()}'
    with pytest.raises(grpc.RpcError) as unknown:
        operator.call('UpdateFilter', {'id': 'new', 'type': 77, 'pattern': 'x', 'enabled': True})
    assert unknown.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    every_type = operator.call('GetFilters').DESCRIPTOR.file.enum_types_by_name['FilterType'].values
    assert {f'FILTER_{kind}' for kind in BAD_PATTERNS} == {value.name for value in every_type}
    assert {i: f.pattern for i, f in operator.listed().items()} == {'good': 'ada', 'nothing': '198.51.100.1'}
    assert filtering.forwarded(CALL, hunter_id='hunter-2') == before
    assert operator.hunter('hunter-2').stats.filter_revision == revision


def test_without_an_enabled_filter_the_policy_decides(filtering):
    everything = list(capture_file.read(CALL))
    assert filtering.forwarded(CALL) == everything, 'the quick start must capture'
    assert filtering.forwarded(CALL, '--no-filter-policy', 'all') == everything
    assert filtering.forwarded(CALL, '--no-filter-policy', 'none', hunter_id='hunter-2') == []
    filtering.operator.put('off', 'SIP_USER', 'ada', enabled=False)
    filtering.operator.put('elsewhere', 'SIP_USER', 'ada', target_hunters=['hunter-3'])
    assert filtering.forwarded(CALL) == everything
    assert filtering.forwarded(CALL, '--no-filter-policy', 'none', hunter_id='hunter-2') == []
    filtering.operator.put('on', 'SIP_USER', 'somebody')
    assert filtering.forwarded(CALL) == []
    filtering.operator.put('on', 'SIP_USER', 'ada')
    assert filtering.forwarded(CALL, '--no-filter-policy', 'none', hunter_id='hunter-2') == everything


def protocol_of(path):
    """rtp, sip or something else, by tshark, for each frame."""
    done = subprocess.run(['tshark', '-n', '-r', path, '-T', 'fields', '-e', 'frame.protocols'], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30)
    return [re.search('rtp$|sip', line).group() for line in done.stdout.split()]


def test_the_action_says_how_much_of_a_call_leaves_the_edge(filtering):
    operator, everything = filtering.operator, list(capture_file.read(CALL))
    kinds = protocol_of(CALL)
    assert kinds.count('rtp') == 100 and kinds.count('sip') == 6
    signalling = [packet for packet, kind in zip(everything, kinds) if kind == 'sip']

    operator.put('f', 'SIP_USER', 'ada', action='CAPTURE_SIGNALLING')
    assert filtering.forwarded(CALL) == signalling

    operator.put('f', 'SIP_USER', 'ada', action='CAPTURE_RTP_HEADERS')
    headers = filtering.forwarded(CALL)
    up_to_the_voice = 14 + 20 + 8 + 12  # Ethernet, IPv4, UDP, RTP without CSRC and extension
    assert headers == [packet if kind == 'sip' else packet._replace(data=packet.data[:up_to_the_voice])
                       for packet, kind in zip(everything, kinds)]
    trimmed = filtering.stored.with_name('trimmed.pcap')
    capture_file.write_pcap(trimmed, headers)
    assert protocol_of(trimmed) == kinds
    assert judges.capinfos_count(trimmed) == len(everything)
    assert {(f.captured, f.length) for f, kind in zip(judges.tshark_frames(trimmed), kinds) if kind == 'rtp'} == {
        (up_to_the_voice, up_to_the_voice + 160)}

    operator.put('g', 'CALL_ID', '*', action='CAPTURE_FULL')
    assert filtering.forwarded(CALL) == everything, 'of two filters the one that asks for more decides'
