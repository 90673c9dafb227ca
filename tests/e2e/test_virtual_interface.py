"""The virtual interface: what tcpdump sees on it is what hunters sent, and nothing of it reaches the host's own network."""
import ipaddress
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest
from conftest import NEEDS_SHARED, OUR_CAPTURES, shared_captures, truth
from support import capture_file, judges
from support.network import made_in
from support.waiting import wait_until

CALL = OUR_CAPTURES / 'call-media.pcap'
NO_PERMISSION, BAD_CONFIG = 77, 78

# Of the outermost IP packet all that matters; of what has none (on a TAP device) the type.
FIELDS = ['ip.src', 'ip.dst', 'ip.id', 'ip.len', 'ip.frag_offset', 'ip.checksum', 'ipv6.src', 'ipv6.dst', 'ipv6.plen',
          'udp.port', 'udp.checksum', 'udp.payload', 'tcp.port', 'tcp.seq_raw', 'tcp.payload', 'sctp.checksum', 'arp.opcode']


@pytest.fixture
def host(link):
    """A namespace with IPv6 as a host has it: that nothing of it shows up on the interface is the program's doing."""
    link.run(link.watcher, 'sh', '-c', 'echo 0 > /proc/sys/net/ipv6/conf/default/disable_ipv6; '
                                       'echo 0 > /proc/sys/net/ipv6/conf/all/disable_ipv6')
    return link


class Watched:
    """A processord with a virtual interface, and tcpdump there."""

    def __init__(self, programs, host, folder, *options, kind='tap', name='lc0'):
        self._host, self.name = host, name
        self.stored, self.seen = folder / 'stored.pcapng', folder / 'seen.pcap'
        self.processor = programs.processord('--write-file', self.stored, '--virtual-interface', '--vif-type', kind,
                                             '--vif-name', name, *options, inside=host.watching)
        self._judge = programs.processes.start(
            [*host.watching, 'tcpdump', '-i', name, '-n', '-U', '-s', '262144', '-B', '65536', '-w', self.seen], 'tcpdump')
        self._judge.wait_for_log('listening on')
        self._programs = programs

    def send(self, *captures, hunter_id='hunter-1'):
        hunter = self._programs.hunterd(self.processor, interface=','.join(map(str, captures)), hunter_id=hunter_id,
                                        inside=self._host.watching)
        assert hunter.wait(30) == 0

    def injected(self):
        """The kernel's own count of what came in by the interface, and what it refused."""
        shown = self._host.run(self._host.watcher, 'ip', '-s', 'link', 'show', self.name)
        return int(re.search(r'RX:.*\n *[0-9]+ +([0-9]+)', shown).group(1))

    def finish(self, packets):
        """The packets that tcpdump saw, when they are these many, and the last statistics."""
        wait_until(lambda: count(self.seen) >= packets, 15, f'{packets} packets seen by tcpdump')
        assert self.injected() == packets
        self._judge.signal(signal.SIGINT)
        self._judge.wait()
        assert '0 packets dropped by kernel' in self._judge.log, 'the judge itself lost packets'
        assert self.processor.stop() == 0
        return list(capture_file.read(self.seen)), statistics(self.processor)


def count(path):
    return sum(1 for _ in capture_file.read(path, torn_tail=True)) if path.exists() and path.stat().st_size >= 24 else 0


def statistics(processor):
    return {name: int(value) for name, value in re.findall(r'(\w+)=(\d+)(?= )', processor.output.splitlines()[-1])}


def told(path):
    """A line for each packet by tshark: the first value of each field is that of the outermost header."""
    done = subprocess.run(['tshark', '-n', '-r', path, '-o', 'ip.defragment:FALSE', '-o', 'ipv6.defragment:FALSE',
                           '-o', 'tcp.desegment_tcp_streams:FALSE', '-T', 'fields', '-E', 'occurrence=f',
                           *(word for field in FIELDS for word in ('-e', field))],
                          capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.splitlines()


def interfaces(host):
    return re.findall(r'^[0-9]+: ([^:@]+)', host.run(host.watcher, 'ip', 'link', 'show'), re.MULTILINE)


@pytest.mark.parametrize('name', ['call-media.pcap', 'call-vlan.pcap', 'call-ipv6.pcap'])
def test_a_tap_interface_shows_every_frame_as_it_was(programs, host, tmp_path, name):
    sent = list(capture_file.read(OUR_CAPTURES / name))
    watched = Watched(programs, host, tmp_path)
    watched.send(OUR_CAPTURES / name)
    seen, figures = watched.finish(len(sent))
    assert [(p.link_type, p.data) for p in seen] == [(1, p.data) for p in sent]
    assert (figures['vif_injected'], figures['vif_dropped']) == (len(sent), 0)
    capture_file.assert_same(sent, capture_file.read(watched.stored))
    assert 'lc0' not in interfaces(host), 'the interface goes with the process'


@pytest.mark.parametrize('name', ['call-media.pcap', 'call-vlan.pcap', 'call-ipv6.pcap'])
def test_a_tun_interface_shows_every_ip_packet(programs, host, tmp_path, name):
    sent = OUR_CAPTURES / name
    watched = Watched(programs, host, tmp_path, kind='tun', name='calls.0')
    watched.send(sent)
    expected = told(sent)
    seen, figures = watched.finish(len(expected))
    assert {p.link_type for p in seen} == {101}
    assert told(watched.seen) == expected
    assert (figures['vif_injected'], figures['vif_dropped']) == (len(expected), 0)


REAL = ['cut-snaplen-tcp.pcap', 'mix-iphone-dns-http-tls.pcap', 'pcap-sll2-http.pcap', 'rtp-vlan-two-interfaces.pcapng',
        'sip-ipv6-fragments-sll.pcap', 'sip-loopback-null-h263.pcap', 'sip-pppoe-dtmf-by-info.pcap',
        'sip-raw-ip-phone-numbers.pcapng', 'sip-tcp-segmented-invite.pcap', 'vlan-qinq-pppoe-ipv6.pcap']


@NEEDS_SHARED
@pytest.mark.parametrize('kind', ['tap', 'tun'])
@pytest.mark.parametrize('name', REAL)
def test_real_captures_of_every_link_type(programs, host, tmp_path, name, kind):
    """What is expected is told by tshark: whether a packet is whole, and has an outermost IP header."""
    capture = shared_captures() / name
    packets, lines = list(capture_file.read(capture)), told(capture)
    assert len(packets) == len(lines) == truth()[name]['packets']
    whole = [(p, line) for p, line in zip(packets, lines) if p.length == len(p.data)]

    def fits(packet, line):
        fields = dict(zip(FIELDS, line.split('\t')))
        has_ip = bool(fields['ip.src'] or fields['ipv6.src'])
        return has_ip or (kind == 'tap' and (packet.link_type == 1 or bool(fields['arp.opcode'])))
    expected = [line for p, line in whole if fits(p, line)]

    watched = Watched(programs, host, tmp_path, kind=kind)
    watched.send(capture)
    _, figures = watched.finish(len(expected))
    assert told(watched.seen) == expected
    assert figures['vif_injected'] == len(expected)
    assert figures.get('vif_dropped_truncated', 0) == len(packets) - len(whole)
    assert figures.get('vif_dropped_not_ip', 0) == len(whole) - len(expected)
    assert figures['stored'] == figures['vif_injected'] + figures['vif_dropped'] == len(packets)


def test_the_packets_of_several_hunters_are_all_there(programs, host, tmp_path):
    watched = Watched(programs, host, tmp_path)
    names = ['call-media.pcap', 'call-vlan.pcap', 'call-ipv6.pcap']
    for name in names:
        watched.send(OUR_CAPTURES / name, hunter_id=name)
    sent = [p.data for name in names for p in capture_file.read(OUR_CAPTURES / name)]
    seen, _ = watched.finish(len(sent))
    assert [p.data for p in seen] == sent


@pytest.mark.parametrize('kind', ['tap', 'tun'])
def test_the_host_takes_no_notice_of_injected_packets(programs, host, tmp_path, kind):
    """A call to this very host, to ports that a program of it has open; and it would even be a router."""
    sent = list(capture_file.read(CALL))
    called = sent[0].data[30:34]
    ports = {int.from_bytes(p.data[36:38], 'big') for p in sent if p.data[30:34] == called}
    # Nothing else of the namespace may keep the packets away.
    host.run(host.watcher, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward; '
                                       'for of in all default; do echo 0 > /proc/sys/net/ipv4/conf/$of/rp_filter; done')
    host.run(host.watcher, 'ip', 'address', 'add', f'{ipaddress.ip_address(called)}/32', 'dev', 'lo')

    def listen(port):
        return made_in(host.watcher, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)), port
    sockets = [listen(port) for port in ports]
    for listening, port in sockets:
        listening.bind(('0.0.0.0', port))
        listening.setblocking(False)
    watched = Watched(programs, host, tmp_path, kind=kind)
    watched.send(CALL)
    watched.finish(len(sent))
    # The kernel is through with a packet when the write that injected it returns.
    for listening, port in sockets:
        with pytest.raises(BlockingIOError):
            raise AssertionError(f'port {port} got {listening.recv(2000)}')
        listening.close()


def test_an_arp_request_for_this_host_gets_no_answer_there(programs, host, tmp_path):
    host.run(host.watcher, 'ip', 'address', 'add', '192.0.2.7/32', 'dev', 'lo')
    request = (b'\xff' * 6 + b'\x02\x04\x04\x04\x04\x04' + b'\x08\x06' + bytes.fromhex('0001080006040001020404040404c0000201')
               + bytes(6) + bytes([192, 0, 2, 7]))
    capture = tmp_path / 'arp.pcap'
    capture_file.write_pcap(capture, [capture_file.Packet(1, 1, len(request), request)] * 3)
    watched = Watched(programs, host, tmp_path)
    watched.send(capture)
    seen, _ = watched.finish(3)
    assert [p.data for p in seen] == [request] * 3


def test_an_interface_that_is_set_down_is_counted_and_storing_goes_on(programs, host, tmp_path):
    watched = Watched(programs, host, tmp_path)
    watched.send(CALL)
    wait_until(lambda: count(watched.seen) == 106, 15, 'the call on the interface')
    host.run(host.watcher, 'ip', 'link', 'set', 'lc0', 'down')
    watched.send(CALL, hunter_id='hunter-2')
    assert watched.processor.stop() == 0
    figures = statistics(watched.processor)
    assert (figures['vif_injected'], figures['vif_dropped_refused'], figures['stored']) == (106, 106, 212)
    assert judges.capinfos_count(watched.stored) == 212


@pytest.mark.slow
@pytest.mark.deadline(120)
def test_a_million_packets_are_stored_whatever_the_interface_shows(programs, host, tmp_path, load):
    watched = Watched(programs, host, tmp_path)
    hunter = programs.hunterd(watched.processor, interface=load, inside=host.watching)
    assert hunter.wait(90) == 0
    assert watched.processor.stop(30) == 0
    figures, packets = statistics(watched.processor), judges.capinfos_count(load)
    assert figures['stored'] == judges.capinfos_count(watched.stored) == packets
    assert figures['vif_injected'] + figures.get('vif_dropped_queue', 0) == packets
    assert figures['vif_injected'] > 0


def test_a_hunter_on_any_leaves_the_interface_out_when_told_its_index(programs, host, tmp_path):
    """Else each packet would be captured, injected, captured and so on without end."""
    watched = Watched(programs, host, tmp_path)
    index = host.run(host.watcher, 'cat', '/sys/class/net/lc0/ifindex').strip()
    hunter = programs.hunterd(watched.processor, '--filter', f'udp and not ifindex {index}', interface='any',
                              inside=host.watching)
    hunter.wait_for_log('connected')
    host.replay(CALL, '--pps=5000')
    wait_until(lambda: count(watched.seen) >= 106, 15, 'the call on the interface')
    assert hunter.stop() == 0
    seen, figures = watched.finish(106)
    assert [p.data[14:] for p in seen] == [p.data[14:] for p in capture_file.read(CALL)]
    assert figures['received'] == 106


def refused(programs, host, tmp_path, *options, before=()):
    """A processord that ends before it has touched anything: its exit code and its only line."""
    process = programs.processes.start(
        [*host.watching, *before, programs.path('processord'), '--listen', '127.0.0.1:0', '--write-file',
         tmp_path / 'stored.pcapng', '--state-dir', tmp_path / 'state', '--virtual-interface', *options], 'processord')
    code = process.wait(15)
    assert len(process.log.splitlines()) == 1, process.log
    assert not (tmp_path / 'stored.pcapng').exists()
    return code, process.log


@pytest.mark.parametrize('kind', ['tap', 'tun'])
def test_without_cap_net_admin_it_says_so_and_how_to_give_it(programs, host, tmp_path, kind):
    code, line = refused(programs, host, tmp_path, '--vif-type', kind,
                         before=['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'])
    assert code == NO_PERMISSION
    for word in ('"lc0"', 'CAP_NET_ADMIN', 'AmbientCapabilities=CAP_NET_ADMIN', 'setcap'):
        assert word in line


def test_cap_net_admin_alone_is_enough(programs, host):
    """What the error recommends: no root, this one capability. /dev/net/tun must be open to all, as udev makes it."""
    if os.stat('/dev/net/tun').st_mode & 0o006 != 0o006:
        pytest.skip('/dev/net/tun is not open to all here')
    # pytest's own folders are closed to others.
    with tempfile.TemporaryDirectory(prefix='lippycat-state-') as state:
        shutil.chown(state, 'nobody')
        processor = programs.processord('--virtual-interface', '--state-dir', state, inside=[
            *host.watching, 'setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', '--inh-caps=+net_admin',
            '--ambient-caps=+net_admin'])
        assert 'lc0' in interfaces(host)
        assert 'warning' not in processor.log
        assert processor.stop() == 0


@pytest.mark.parametrize('taken', ['lo', 'rx0', 'lc0'])
def test_a_name_that_is_in_use(programs, host, tmp_path, taken):
    if taken == 'lc0':
        programs.processord('--virtual-interface', '--state-dir', tmp_path / 'first', inside=host.watching)
    code, line = refused(programs, host, tmp_path, '--vif-name', taken)
    assert code == BAD_CONFIG
    assert f'"{taken}"' in line and '--vif-name' in line


@pytest.mark.parametrize('name', ['sixteen-letters1', 'a/b', 'lc%d', 'a b', 'all', ''])
def test_a_name_that_no_interface_can_have(programs, tmp_path, name):
    process = programs.run('processord', '--virtual-interface', '--vif-name', name, '--check-config')
    assert process.code == BAD_CONFIG
    assert '--vif-name' in process.log
