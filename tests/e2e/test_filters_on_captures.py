"""Filters on real captures: what hunterd chooses is what tshark ties to the call, or what tcpdump finds."""
import pytest
from conftest import NEEDS_SHARED, shared_captures, truth
from support import capture_file, frames
from support.filtering import Filtering

pytestmark = [NEEDS_SHARED, pytest.mark.deadline(120)]

SHARED = shared_captures()
TRUTH = truth()
CALLS = {'sip-rtp-g722.pcap': 'test', 'sip-tcp-call-rtp-pcma.pcap': '201'}  # whom the one call of each is to
BPF_CAPTURES = ['sip-rtp-g722.pcap', 'mix-iphone-dns-http-tls.pcap', 'rtp-vlan-two-interfaces.pcapng',
                'vlan-qinq-pppoe-ipv6.pcap', 'sip-ipv6-fragments-sll.pcap', 'sip-raw-ip-phone-numbers.pcapng']


@pytest.fixture
def filtering(programs, tmp_path):
    made = Filtering(programs, tmp_path)
    yield made
    made.close()


def read(name):
    return list(capture_file.read(SHARED / name))


def numbers(filtering, name, **how):
    return frames.numbers_of(filtering.forwarded(SHARED / name, **how), read(name))


def assert_is_the_call(stored, name, folder):
    """All frames that tshark ties to the one call of a capture. Keep-alive packets on its media ports, which are no
    RTP, may be among them: before the answer nobody can know whose they are."""
    dialog, = TRUTH[name]['sip_dialogs']
    call = frames.ranges(dialog['frames'])
    ends = [f'(host {m["address"]} and udp port {m["port"] + offset})'
            for m in dialog['sdp_media'] for offset in (0, 1)]
    besides = frames.tcpdump_numbers(read(name), ' or '.join(ends), folder) - call
    assert len(besides) <= 2
    assert call <= set(stored) <= call | besides
    assert stored == sorted(stored), 'in the order of the capture, also what had waited for the match'


@pytest.mark.parametrize('name', CALLS)
def test_one_users_filter_stores_exactly_that_users_call(filtering, tmp_path, name):
    # Before the user: a call that is followed stays so for the other hunters until it is over.
    filtering.operator.put('f', 'SIP_USER', 'nobody')
    assert numbers(filtering, name) == []
    filtering.operator.put('f', 'SIP_USER', CALLS[name])
    assert_is_the_call(numbers(filtering, name), name, tmp_path)
    other, = set(CALLS) - {name}
    assert numbers(filtering, other) == []


@pytest.mark.parametrize('name', BPF_CAPTURES)
def test_a_bpf_filter_stores_what_tcpdump_finds_with_and_without_tags(filtering, tmp_path, name):
    packets = read(name)
    bare = [frames.untagged(p) if p.link_type == 1 else p for p in packets]
    expressions = TRUTH[name]['bpf']
    for number, (expression, count) in enumerate(expressions.items()):
        # Each hunter has one filter; the expression `vlan` speaks of the tags themselves.
        hunter_id = f'hunter-{number}'
        filtering.operator.put('f', 'BPF', expression, target_hunters=[hunter_id])
        as_written = frames.tcpdump_numbers(packets, expression, tmp_path)
        assert len(as_written) == (0 if isinstance(count, dict) else count), f'not as in truth.json: {expression}'
        wanted = as_written if 'vlan' in expression else frames.tcpdump_numbers(bare, expression, tmp_path)
        assert numbers(filtering, name, hunter_id=hunter_id) == sorted(wanted), expression


ADDRESSES = [('mix-iphone-dns-http-tls.pcap', '192.168.2.17'), ('mix-iphone-dns-http-tls.pcap', '192.168.2.0/24'),
             ('mix-iphone-dns-http-tls.pcap', '17.0.0.0/8'), ('mix-iphone-dns-http-tls.pcap', 'fe80::/10'),
             ('rtp-vlan-two-interfaces.pcapng', '0.0.0.0/1'),
             ('vlan-qinq-pppoe-ipv6.pcap', 'fe80::9aa2:c0ff:fe36:36c3'), ('vlan-qinq-pppoe-ipv6.pcap', 'ff02::/16'),
             ('vlan-qinq-pppoe-ipv6.pcap', '0.0.0.0/0'),
             ('sip-ipv6-fragments-sll.pcap', 'fd17:625c:f037:2:a00:27ff:feb9:1521'),
             ('sip-ipv6-fragments-sll.pcap', 'fd17:625c:f037:2:a00:27ff:feb9:1500/120'),
             ('sip-raw-ip-phone-numbers.pcapng', '127.0.0.1'), ('sip-raw-ip-phone-numbers.pcapng', '10.0.0.0/8')]


def test_address_filters_agree_with_tcpdumps_host_and_net(filtering, tmp_path):
    for name, pattern in ADDRESSES:
        packets = read(name)
        bare = [frames.untagged(p) if p.link_type == 1 else p for p in packets]
        # With the protocol in front: without it, ARP is meant as well.
        what = f'{"ip6" if ":" in pattern else "ip"} {"net" if "/" in pattern else "host"} {pattern}'
        wanted = frames.tcpdump_numbers(bare, what, tmp_path)
        if packets[0].link_type == 1:
            wanted |= frames.tcpdump_numbers(bare, f'pppoes and {what}', tmp_path)
        filtering.operator.put('f', 'IP_ADDRESS', pattern)
        assert numbers(filtering, name) == sorted(wanted), f'{pattern} in {name}'
        assert wanted, f'{pattern} says nothing of {name}'


def test_a_call_is_stored_once_however_many_filters_want_it(filtering, tmp_path):
    name = 'sip-rtp-g722.pcap'
    dialog, = TRUTH[name]['sip_dialogs']
    ways = [('SIP_USER', 'SIPP'), ('SIP_URI', 'test@10.0.2.*'), ('CALL_ID', dialog['call_id']), ('CODEC', 'g722'),
            ('SIP_USER', '*')]
    seen = 0
    for number, (kind, pattern) in enumerate(ways):
        filtering.operator.put('f', kind, pattern)
        stored = numbers(filtering, name)
        assert_is_the_call(stored, name, tmp_path)
        filtering.operator.put(f'also-{number}', kind, pattern)
        seen += len(stored) if number else 0
    stored = numbers(filtering, name)
    assert_is_the_call(stored, name, tmp_path)
    seen += len(stored)
    listed = filtering.operator.listed()
    of_the_call = len(frames.ranges(dialog['frames']))
    assert len(ways) * of_the_call <= listed['also-0'].packets_hit <= seen, 'counted for every filter that wanted it'
    last = max(packet.time_ns for packet in read(name))
    assert {f.last_hit_ns for f in listed.values()} == {last}
