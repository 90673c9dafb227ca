"""Live capture on a veth pair: what tcpdump sees beside hunterd is what processord stores."""
import json
import re
import signal
import subprocess
import sys
import time

import pytest
from conftest import OUR_CAPTURES, shared_captures
from support import capture_file, judges
from support.waiting import wait_until

VLAN, SERVICE_VLAN = 0x8100, 0x88a8


def start_tcpdump(programs, link, path, interface):
    judge = programs.processes.start(
        [*link.watching, 'tcpdump', '-i', interface, '-n', '-U', '-s', '262144', '-B', '65536',
         '--time-stamp-precision=nano', '-w', path], 'tcpdump')
    judge.wait_for_log('listening on')
    return judge


def stop_tcpdump(judge, path, expected):
    wait_until(lambda: count(path) >= expected, 15, f'{expected} packets seen by tcpdump')
    judge.signal(signal.SIGINT)
    judge.wait()
    assert '0 packets dropped by kernel' in judge.log, 'the judge itself lost packets'


def count(path):
    return sum(1 for _ in capture_file.read(path, torn_tail=True)) if path.exists() and path.stat().st_size >= 24 else 0


def grpc_json(link, processor, method, request='{}'):
    """A call from inside the namespace, where processord listens."""
    script = OUR_CAPTURES.parent / 'support' / 'grpc_call.py'
    return json.loads(link.run(link.watcher, sys.executable, script, '-plaintext', '-d', request, processor.address,
                               f'lippycat.management.ManagementService/{method}'))


def frames_to_send(tmp_path):
    """A call as it is, in one VLAN, in two, and priority-tagged; and a real QinQ capture where there is one."""
    call = list(capture_file.read(OUR_CAPTURES / 'call-media.pcap'))
    frames = [*call, *capture_file.read(OUR_CAPTURES / 'call-vlan.pcap'),
              *(capture_file.tagged(p, (SERVICE_VLAN, 200), (VLAN, 30)) for p in call),
              *(capture_file.tagged(p, (VLAN, 200), (VLAN, 30)) for p in call),
              *(capture_file.tagged(p, (VLAN, 5 << 13)) for p in call)]
    if shared_captures():
        frames += capture_file.read(shared_captures() / 'vlan-qinq-pppoe-ipv6.pcap')
    path = tmp_path / 'sent.pcap'
    capture_file.write_pcap(path, frames)
    return path, len(frames)


def content(packets):
    return [(p.link_type, p.length, p.data) for p in packets]


def test_what_tcpdump_sees_beside_it_is_stored_tags_included(programs, link, tmp_path):
    sent, number = frames_to_send(tmp_path)
    seen, stored = tmp_path / 'seen.pcap', tmp_path / 'stored.pcapng'
    processor = programs.processord('--write-file', stored, inside=link.watching)
    hunter = programs.hunterd(processor, interface=link.rx[0], inside=link.watching)
    hunter.wait_for_log('hunter started')
    judge = start_tcpdump(programs, link, seen, link.rx[0])
    link.replay(sent, '--pps=20000')
    stop_tcpdump(judge, seen, number)
    assert hunter.stop() == 0
    assert processor.stop() == 0

    witnessed, kept = list(capture_file.read(seen)), list(capture_file.read(stored))
    assert len(witnessed) == number
    assert content(kept) == content(capture_file.read(sent)), 'tags must be where they were on the wire'
    # The kernel stamps a packet once, for all who watch the interface.
    capture_file.assert_same(witnessed, kept)
    assert judges.capinfos_count(stored) == number


def test_vlan_filter_finds_tagged_frames_live(programs, link, tmp_path):
    sent, _ = frames_to_send(tmp_path)
    stored = tmp_path / 'stored.pcapng'
    expression = 'vlan 101 and udp port 5060'
    processor = programs.processord('--write-file', stored, inside=link.watching)
    hunter = programs.hunterd(processor, '--filter', expression, interface=link.rx[0], inside=link.watching)
    hunter.wait_for_log('hunter started')
    link.replay(sent, '--pps=20000')
    # What the same expression finds in the file, where nothing has taken the tags off.
    wanted = tmp_path / 'wanted.pcap'
    subprocess.run(['tcpdump', '-r', sent, '--time-stamp-precision=nano', '-w', wanted, expression], check=True,
                   stderr=subprocess.DEVNULL, timeout=20)
    assert hunter.stop() == 0
    assert processor.stop() == 0
    assert content(capture_file.read(stored)) == content(capture_file.read(wanted))
    assert count(stored) > 0


def test_two_interfaces_are_captured_at_once_and_keep_their_names(programs, link, tmp_path):
    stored = tmp_path / 'stored.pcapng'
    processor = programs.processord('--write-file', stored, inside=link.watching)
    hunter = programs.hunterd(processor, '--filter', 'udp or icmp or not udp', interface=','.join(link.rx),
                              inside=link.watching)
    hunter.wait_for_log('hunter started')
    link.replay(OUR_CAPTURES / 'call-media.pcap', '--pps=5000', tx=link.tx[0])
    link.replay(OUR_CAPTURES / 'call-ipv6.pcap', '--pps=5000', tx=link.tx[1])
    assert hunter.stop() == 0
    assert processor.stop() == 0
    kept = content(capture_file.read(stored))
    for name in ('call-media.pcap', 'call-ipv6.pcap'):
        sent = content(capture_file.read(OUR_CAPTURES / name))
        assert [p for p in kept if p in set(sent)] == sent
    assert len(kept) == 212
    assert set(link.rx) <= set(capture_file.interface_names(stored))
    assert set(capture_file.interface_filters(stored)) == {'udp or icmp or not udp'}
    counted = capture_file.interface_statistics(stored)
    assert sum(received for received, _ in counted.values()) == len(kept)
    assert all(dropped == 0 for _, dropped in counted.values())


@pytest.mark.deadline(90)
def test_received_is_stored_plus_dropped_even_when_packets_are_lost(programs, link, tmp_path):
    """processord is stopped in mid-flow, with so little room behind it that the hunter must lose packets."""
    stored, flood = tmp_path / 'stored.pcapng', tmp_path / 'flood.pcap'
    call = list(capture_file.read(OUR_CAPTURES / 'call-media.pcap'))
    capture_file.write_pcap(flood, call * 600)
    sent = len(call) * 600
    processor = programs.processord('--write-file', stored, inside=link.watching)
    hunter = programs.hunterd(processor, '--buffer-size', '1000', '--kernel-buffer', '1M', '--spool-mode', 'off',
                              interface=link.rx[0], inside=link.watching)
    hunter.wait_for_log('connected')
    processor.signal(signal.SIGSTOP)
    link.replay(flood, '--pps=60000')
    processor.signal(signal.SIGCONT)

    def settled():
        """The hunter's own figures, once they speak of every packet sent."""
        status = grpc_json(link, processor, 'GetHunterStatus')
        stats = status['hunters'][0].get('stats', {})
        dropped = {reason: int(packets) for reason, packets in stats.get('droppedByReason', {}).items()}
        received = int(stats.get('packetsCaptured', 0)) + dropped.get('kernel', 0) + dropped.get('interface', 0)
        forwarded = int(stats.get('packetsForwarded', 0))
        return (stats, dropped) if received == sent == forwarded + sum(dropped.values()) else None

    stats, dropped = wait_until(settled, 40, 'a heartbeat whose figures add up')
    assert hunter.stop() == 0
    assert processor.stop() == 0
    assert sum(dropped.values()) == int(stats.get('packetsDropped', 0)) > 0, 'the test meant to lose packets'
    assert count(stored) == sent - sum(dropped.values())
    before_capture = dropped.get('kernel', 0) + dropped.get('interface', 0)
    assert capture_file.interface_statistics(stored) == {link.rx[0]: (sent, before_capture)}, 'the file says so too'


@pytest.mark.deadline(90)
def test_capturing_goes_on_after_the_interface_was_down(programs, link, tmp_path):
    stored = tmp_path / 'stored.pcapng'
    call = OUR_CAPTURES / 'call-media.pcap'
    processor = programs.processord('--write-file', stored, inside=link.watching)
    hunter = programs.hunterd(processor, interface=link.rx[0], inside=link.watching)
    hunter.wait_for_log('hunter started')
    link.replay(call, '--pps=5000')
    wait_until(lambda: processord_received(link, processor) == 106, 15, 'the first call at the processor')
    link.down(link.rx[0])
    hunter.wait_for_log('down', within=20)
    link.up(link.rx[0])
    hunter.wait_for_log('is back', within=20)
    link.replay(call, '--pps=5000')
    assert hunter.stop() == 0
    assert processor.stop() == 0
    assert content(capture_file.read(stored)) == content(capture_file.read(call)) * 2


def processord_received(link, processor):
    return int(grpc_json(link, processor, 'GetHunterStatus').get('processorStats', {}).get('totalPacketsReceived', 0))


def test_a_hunter_on_any_does_not_capture_its_own_stream(programs, link, tmp_path):
    """Over loopback each sent batch would be captured, sent, captured and so on without end."""
    stored = tmp_path / 'stored.pcapng'
    processor = programs.processord('--write-file', stored, inside=link.watching)
    hunter = programs.hunterd(processor, interface='any', inside=link.watching)
    hunter.wait_for_log('connected')
    connected_ns = time.time_ns()
    link.replay(OUR_CAPTURES / 'call-media.pcap', '--pps=5000')
    wait_until(lambda: processord_received(link, processor) >= 106, 15, 'the call at the processor')
    # The test's own questions to processord are not the hunter's connection, and are captured.
    assert hunter.stop() == 0
    assert processor.stop() == 0
    hunters_port = int(re.search(r'hunter registered.* address=127.0.0.1:([0-9]+)', processor.log).group(1))
    ports = {hunters_port.to_bytes(2, 'big') + processor.port.to_bytes(2, 'big'),
             processor.port.to_bytes(2, 'big') + hunters_port.to_bytes(2, 'big')}
    cooked_and_ip = 20 + 20  # LINUX_SLL2, IPv4 without options
    kept = list(capture_file.read(stored))
    own = [p for p in kept if p.data[cooked_and_ip:cooked_and_ip + 4] in ports and p.time_ns > connected_ns + 50_000_000]
    assert not own, f'{len(own)} packets of its own connection, after it had been told where that is'
    call = {p.data[14:] for p in capture_file.read(OUR_CAPTURES / 'call-media.pcap')}
    assert sum(p.data[20:] in call for p in kept) == 106
    assert judges.capinfos_count(stored) == len(kept)
