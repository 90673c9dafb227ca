"""common/packet/decode against tshark: the same outermost headers and payload for every packet.

The judge is tshark with everything switched off that looks further than decode does: the dissectors above the
transport, so that tunnels stay payload, defragmentation and reassembly. Of the inner headers that remain (quoted by
ICMP errors, IP in IP) none is compared: the first value of each field is the outermost header's.

Where decode means something else than tshark shows, `expectation` says so with DEVIATION and the reason.
"""
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import NEEDS_SHARED, shared_captures

SHARED = shared_captures()
CAPTURES = sorted(path.name for path in SHARED.glob('*.pcap*')) if SHARED else []
LINKTYPE_LINUX_SLL2 = 276

# What tshark may dissect.
LINK_HEADER_SIZE = {'eth': 14, 'vlan': 4, 'ieee8021ad': 4, 'sll': 16, 'null': 4, 'raw': 0, 'pppoes': 6, 'ppp': 2,
                    'llc': 8}
TRANSPORTS = {1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6', 132: 'sctp'}
EXTENSIONS = {0: 'ipv6.hopopts', 43: 'ipv6.routing', 44: 'ipv6.fraghdr', 51: 'ah', 60: 'ipv6.dstopts'}
KEPT = {'frame', 'ethertype', 'pppoe', 'ip', 'ipv6', 'data', 'pkt_comment', '_ws.short', '_ws.malformed', '_ws.expert',
        *LINK_HEADER_SIZE, *TRANSPORTS.values(), *EXTENSIONS.values()}
OPTIONS = ['ip.defragment:FALSE', 'ipv6.defragment:FALSE', 'tcp.desegment_tcp_streams:FALSE', 'sctp.reassembly:FALSE',
           'tcp.relative_sequence_numbers:FALSE', 'tcp.analyze_sequence_numbers:FALSE', 'ip.tso_support:TRUE',
           'tcp.try_heuristic_first:FALSE']

IMPOSSIBLE_IP = ['ip.bogus_ip_version', 'ip.bogus_header_length', 'ipv6.bogus_ipv6_version']
IMPOSSIBLE_TRANSPORT = ['udp.length.bad', 'tcp.bogus_header_length']
FIELDS = ['frame.number', 'frame.protocols', 'frame.cap_len', 'vlan.id', 'ieee8021ad.id',
          'ip.src', 'ip.dst', 'ip.proto', 'ip.len', 'ip.hdr_len', 'ip.id', 'ip.flags.mf', 'ip.frag_offset',
          'ipv6.src', 'ipv6.dst', 'ipv6.nxt', 'ipv6.plen',
          'ipv6.hopopts.nxt', 'ipv6.hopopts.len_oct', 'ipv6.routing.nxt', 'ipv6.routing.len_oct',
          'ipv6.dstopts.nxt', 'ipv6.dstopts.len_oct', 'ah.next_header', 'ah.length',
          'ipv6.fraghdr.nxt', 'ipv6.fraghdr.ident', 'ipv6.fraghdr.more', 'ipv6.fraghdr.offset',
          'tcp.srcport', 'tcp.dstport', 'tcp.seq_raw', 'tcp.ack_raw', 'tcp.flags', 'tcp.hdr_len', 'tcp.payload',
          'udp.srcport', 'udp.dstport', 'udp.length', 'udp.payload', 'sctp.srcport', 'sctp.dstport',
          'icmp.type', 'icmp.code', 'icmpv6.type', 'icmpv6.code', '_ws.malformed',
          *IMPOSSIBLE_IP, *IMPOSSIBLE_TRANSPORT]


@pytest.fixture(scope='module')
def environment(tmp_path_factory):
    """With a configuration of tshark's in which only KEPT protocols are dissected."""
    home = str(tmp_path_factory.mktemp('tshark'))
    made = dict(os.environ, WIRESHARK_CONFIG_DIR=home, HOME=home, LC_ALL='C.UTF-8')
    listing = subprocess.run(['tshark', '-G', 'protocols'], env=made, capture_output=True, text=True, check=True)
    names = [line.split('\t')[2] for line in listing.stdout.splitlines()]
    Path(home, 'disabled_protos').write_text(''.join(f'{name}\n' for name in names if name not in KEPT))
    return made


class Judged:
    """The values that tshark gives for one packet; `value` takes the first of a field unless told otherwise."""

    def __init__(self, line):
        self.fields = dict(zip(FIELDS, (text.split(';') if text else [] for text in line.split('\t'))))

    def has(self, *names):
        return any(self.fields[name] for name in names)

    def text(self, name):
        return self.fields[name][0] if self.fields[name] else ''

    def value(self, name, index=0):
        return int(self.fields[name][index], 0)


def judge(path, environment):
    command = ['tshark', '-n', '-r', str(path), '-T', 'fields', '-E', 'occurrence=a', '-E', 'aggregator=;']
    for option in OPTIONS:
        command += ['-o', option]
    for field in FIELDS:
        command += ['-e', field]
    # Its exit status tells of damaged files; what matters here is the packets it read before.
    out = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return [Judged(line) for line in out.stdout.splitlines()]


def decoded(path, binaries):
    """The packets as decode_dump prints them, and libpcap's complaint, if any."""
    done = subprocess.run([binaries / 'decode_dump', path], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), f'decode_dump {path}: {done.returncode} {done.stderr}'
    columns, *lines = done.stdout.split('\n')[:-1] or ['']
    return [dict(zip(columns.split('\t'), line.split('\t'))) for line in lines], done.stderr.strip()


# Of the IP packet at `offset`: what is expected of its header, protocol, (fragment offset, more fragments, id), where
# the header ends, where the packet ends.
def ipv4_header(packet, offset, captured):
    want = {'version': '4', 'src': packet.text('ip.src'), 'dst': packet.text('ip.dst')}
    # tshark 4.0 counts the offset in the header's unit of eight bytes.
    fragment = (8 * packet.value('ip.frag_offset'), packet.value('ip.flags.mf'), packet.value('ip.id'))
    end = offset + (packet.value('ip.len') or captured - offset)
    return want, packet.value('ip.proto'), fragment, offset + packet.value('ip.hdr_len'), end


def ipv6_header(packet, offset, captured):
    want = {'version': '6', 'src': packet.text('ipv6.src'), 'dst': packet.text('ipv6.dst')}
    protocol = packet.value('ipv6.nxt')
    offset += 40
    end = offset + packet.value('ipv6.plen') if packet.value('ipv6.plen') or protocol == 59 else captured
    fragment = (0, 0, 0)
    seen = dict.fromkeys(EXTENSIONS.values(), 0)
    while protocol in EXTENSIONS and fragment[0] == 0:
        name = EXTENSIONS[protocol]
        index, seen[name] = seen[name], seen[name] + 1
        if name == 'ah':
            protocol = packet.value('ah.next_header', index)
            offset += 4 * (packet.value('ah.length', index) + 2)
            continue
        if name == 'ipv6.fraghdr':
            fragment = (8 * packet.value('ipv6.fraghdr.offset', index), packet.value('ipv6.fraghdr.more', index),
                        packet.value('ipv6.fraghdr.ident', index))
            offset += 8
        else:
            offset += packet.value(f'{name}.len_oct', index)
        protocol = packet.value(f'{name}.nxt', index)
    return want, protocol, fragment, offset, end


def expectation(packet, link_type):
    """What decode_dump should print, as far as tshark's values tell."""
    layers = packet.text('frame.protocols').split(':')
    want = {'vlan': ','.join(packet.fields['ieee8021ad.id'] + packet.fields['vlan.id'])}
    network = next((i for i, layer in enumerate(layers) if layer in ('ip', 'ipv6')), None)
    if network is None:
        return dict(want, end='not_ip', version='')
    # DEVIATION: of a header with impossible lengths tshark shows some fields, decode none.
    if packet.has(*IMPOSSIBLE_IP) or packet.has('ip.len') and 0 < packet.value('ip.len') < packet.value('ip.hdr_len'):
        return dict(want, end='malformed', version='')

    captured = packet.value('frame.cap_len')
    start = sum(LINK_HEADER_SIZE.get(layer, 0) for layer in layers[:network])
    if link_type == LINKTYPE_LINUX_SLL2:
        start += 4
    read = ipv4_header if layers[network] == 'ip' else ipv6_header
    header, protocol, fragment, offset, packet_end = read(packet, start, captured)
    want.update(header, proto=str(protocol), frag_offset=str(fragment[0]), more_fragments=str(fragment[1]),
                frag_id=str(fragment[2]))

    transport = TRANSPORTS.get(protocol) if fragment[0] == 0 else None
    if transport in ('tcp', 'udp', 'sctp'):
        want.update(sport=packet.text(f'{transport}.srcport'), dport=packet.text(f'{transport}.dstport'))
    else:
        want.update(sport='', dport='')
    if packet.has(*IMPOSSIBLE_TRANSPORT):
        return dict(want, end='malformed')
    # DEVIATION: of a TCP header that IP's length leaves no room for, tshark shows the fields in front of the end.
    if f'[Malformed Packet: {str(transport).upper()}]' in packet.fields['_ws.malformed']:
        return dict(want, end='malformed', seq='')

    if transport in ('icmp', 'icmpv6'):
        want.update(icmp=str(256 * packet.value(f'{transport}.type') + packet.value(f'{transport}.code')))
        offset += 4
    elif transport == 'sctp':
        offset += 12
    elif transport == 'tcp':
        want.update(seq=packet.text('tcp.seq_raw'), ack=packet.text('tcp.ack_raw'),
                    flags=str(packet.value('tcp.flags')), payload=packet.text('tcp.payload'))
        offset += packet.value('tcp.hdr_len')
    elif transport == 'udp':
        # DEVIATION: a UDP datagram shorter than the IP packet around it ends the payload (RFC 768), which is then
        # whole even when the rest of the IP packet was not captured. tshark counts the payload by this length as well
        # ("UDP payload (18 bytes)"), but its field udp.payload holds all that follows.
        if not fragment[1]:
            packet_end = offset + packet.value('udp.length')
        offset += 8
        want.update(payload=packet.text('udp.payload')[:2 * (packet_end - offset)])
    whole = 'complete' if fragment[0] == 0 else 'fragment'
    return dict(want, end=whole if packet_end <= captured else 'truncated',
                payload_size=max(0, min(packet_end, captured) - offset))


def compare(path, link_type, binaries, environment, known_unreadable=False):
    ours, complaint = decoded(path, binaries)
    judged = judge(path, environment)
    if known_unreadable:
        assert complaint and not ours, 'libpcap reads this file now: compare it'
        return 0
    assert len(ours) == len(judged), complaint
    differences = []
    for got, packet in zip(ours, judged):
        got['payload_size'] = len(got['payload']) // 2
        want = expectation(packet, link_type)
        wrong = {name: f'tshark {value}, decode {got[name]}' for name, value in want.items() if got[name] != value}
        if wrong:
            differences.append(f'packet {got["number"]} ({packet.text("frame.protocols")}): {wrong}')
    assert not differences, f'{len(differences)} of {len(ours)} packets\n' + '\n'.join(differences[:20])
    return len(ours)


def link_type_of(path):
    """Of a classic little-endian pcap; other files here have no link type that the comparison depends on."""
    head = path.read_bytes()[:24]
    return struct.unpack('<I', head[20:])[0] if head[:4] in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1') else None


@NEEDS_SHARED
@pytest.mark.parametrize('name', CAPTURES)
def test_decode_reads_a_real_capture_as_tshark_does(name, binaries, environment):
    path = SHARED / name
    # DEVIATION: libpcap refuses a pcapng file with several link types, which tshark reads.
    compare(path, link_type_of(path), binaries, environment, known_unreadable=name == 'pcapng-eleven-interfaces.pcapng')


@NEEDS_SHARED
@pytest.mark.parametrize('ipv6', [0, 1])
@pytest.mark.parametrize('encapsulation', ['none', 'vlan', 'qinq', 'sll'])
def test_decode_reads_generated_calls_as_tshark_does(encapsulation, ipv6, binaries, environment, tmp_path):
    path = tmp_path / 'load.pcap'
    command = [sys.executable, str(SHARED / 'make_load.py'), '--calls', '12', '--seconds', '3', '--tcp', '0.3',
               '--large', '0.5', '--background', '0.2', '--ipv6', str(ipv6),
               '--encap', encapsulation, '--out', str(path)]
    subprocess.run(command, check=True, capture_output=True)
    assert compare(path, link_type_of(path), binaries, environment) > 1000


# ---- what no capture at hand has ------------------------------------------------------------------------------------

SOURCE6, DESTINATION6 = bytes.fromhex('20010db8' + '00' * 11 + '01'), bytes.fromhex('20010db8' + '00' * 11 + '02')
UDP = struct.pack('!HHHH', 5060, 5062, 8 + 5, 0) + b'hello'
TCP = struct.pack('!HHIIHHHH', 5060, 40000, 0x80000001, 0xfffffffe, 7 << 12 | 0x1d8, 512, 0, 0) + b'\1' * 8 + b'hello'
SCTP = struct.pack('!HHII', 5060, 2905, 1, 0) + struct.pack('!BBHIHHI', 0, 3, 17, 1, 0, 0, 0) + b'x\0\0\0'


def ipv4(protocol, payload, offset_and_flags=0, options=b'', total=None, size=None):
    words = 5 + len(options) // 4 if size is None else size
    total = 20 + len(options) + len(payload) if total is None else total
    return struct.pack('!BBHHHBBH4s4s', 0x40 | words, 0, total, 0xbeef, offset_and_flags, 64, protocol, 0,
                       b'\x0a\0\0\1', b'\xc0\0\2\xff') + options + payload


def ipv6(next_header, payload, length=None):
    length = len(payload) if length is None else length
    return struct.pack('!IHBB', 6 << 28, length, next_header, 64) + SOURCE6 + DESTINATION6 + payload


def option_header(next_header, payload, size=8):
    return struct.pack('!BBBB', next_header, size // 8 - 1, 1, size - 4) + bytes(size - 4) + payload


def routing_header(next_header, payload):
    return struct.pack('!BBBBI', next_header, 2, 0, 0, 0) + DESTINATION6 + payload


def fragment_header(next_header, payload, offset=0, more=0):
    return struct.pack('!BBHI', next_header, 0, offset | more, 0xdeadbeef) + payload


def authentication_header(next_header, payload):
    return struct.pack('!BBHII', next_header, 4, 0, 1, 1) + bytes(12) + payload


PACKETS = [
    ipv4(17, UDP), ipv4(6, TCP), ipv4(132, SCTP), ipv4(1, b'\x08\0\0\0\0\1\0\1ping'), ipv4(47, b'\0\0\x08\0'),
    ipv4(17, UDP, options=b'\x94\4\0\0' + bytes(4)),                  # router alert
    ipv4(17, UDP + b'behind'),                                        # UDP shorter than IP
    ipv4(17, UDP) + bytes(14),                                        # padded to Ethernet's minimum
    ipv4(17, UDP, offset_and_flags=0x2000), ipv4(17, UDP, offset_and_flags=0x2003), ipv4(17, UDP, offset_and_flags=185),
    ipv4(6, TCP, total=0),                                            # left to segmentation offload
    ipv4(17, UDP, total=19), ipv4(17, UDP, size=4), ipv4(17, UDP[:4] + b'\0\x40' + UDP[6:]), ipv4(6, TCP, total=36),
    ipv4(6, TCP[:12] + b'\x40' + TCP[13:]), ipv4(4, ipv4(17, UDP)), ipv4(41, ipv6(17, UDP)),
    ipv4(1, b'\x03\x03\0\0\0\0\0\0' + ipv4(17, UDP)),                 # an error that quotes a packet
    ipv6(17, UDP), ipv6(6, TCP), ipv6(132, SCTP), ipv6(58, b'\x80\0\0\0\0\1\0\1ping'), ipv6(59, b''),
    ipv6(17, UDP) + bytes(6),
    ipv6(0, option_header(17, UDP)), ipv6(60, option_header(6, TCP, size=24)), ipv6(43, routing_header(17, UDP)),
    ipv6(44, fragment_header(17, UDP)), ipv6(44, fragment_header(17, UDP, more=1)),
    ipv6(44, fragment_header(17, b'later', offset=1448)), ipv6(51, authentication_header(6, TCP)),
    ipv6(0, option_header(43, routing_header(44, fragment_header(60, option_header(17, UDP))))),
    ipv6(41, ipv6(17, UDP)), ipv6(4, ipv4(17, UDP)),
    ipv6(17, UDP, length=2000), ipv4(17, UDP, total=2000),            # not captured whole
]


def of_version(packet, for_4, for_6):
    return for_4 if packet[0] >> 4 == 4 else for_6


def ethernet(*types):
    """A frame with these tags, as (TPID, TCI), outermost first."""
    def build(packet):
        tags = b''.join(struct.pack('!HH', *tag) for tag in types)
        return bytes(12) + tags + of_version(packet, b'\x08\0', b'\x86\xdd') + packet
    return build


def snap(packet):
    body = b'\xaa\xaa\3\0\0\0' + of_version(packet, b'\x08\0', b'\x86\xdd') + packet
    return bytes(12) + struct.pack('!H', len(body)) + body


def pppoe(packet):
    body = of_version(packet, b'\0\x21', b'\0\x57') + packet
    return bytes(12) + b'\x88\x64' + struct.pack('!BBHH', 0x11, 0, 7, len(body)) + body


def sll(packet):
    return struct.pack('!HHH8s', 0, 1, 6, bytes(8)) + of_version(packet, b'\x08\0', b'\x86\xdd') + packet


def sll_tagged(packet):
    return struct.pack('!HHH8sHH', 0, 1, 6, bytes(8), 0x8100, 42) + of_version(packet, b'\x08\0', b'\x86\xdd') + packet


def sll2(packet):
    return of_version(packet, b'\x08\0', b'\x86\xdd') + struct.pack('!HIHBB8s', 0, 2, 1, 0, 6, bytes(8)) + packet


def sll2_tagged(packet):
    header = struct.pack('!HHIHBB8sH', 0x8100, 0, 2, 1, 0, 6, bytes(8), 42)
    return header + of_version(packet, b'\x08\0', b'\x86\xdd') + packet


def address_family(order, af_inet6):
    return lambda packet: struct.pack(order + 'I', of_version(packet, 2, af_inet6)) + packet


LINKS = {
    'ethernet': (1, ethernet()), 'priority-tag': (1, ethernet((0x8100, 0xa000))),
    'qinq': (1, ethernet((0x88a8, 0xe064), (0x8100, 7))),
    'three-tags': (1, ethernet(*[(0x8100, 20 + i) for i in range(3)])),
    'old-qinq': (1, ethernet((0x9100, 5), (0x8100, 6))),
    'snap': (1, snap), 'pppoe': (1, pppoe), 'raw': (101, bytes), 'sll': (113, sll), 'sll-tagged': (113, sll_tagged),
    'sll2': (276, sll2), 'sll2-tagged': (276, sll2_tagged),
    'null-freebsd': (0, address_family('<', 28)), 'null-darwin-big-endian': (0, address_family('>', 30)),
    'null-netbsd': (0, address_family('<', 24)), 'loop-openbsd': (108, address_family('>', 24)),
}


@pytest.mark.parametrize('link', LINKS)
def test_decode_reads_handmade_frames_as_tshark_does(link, binaries, environment, tmp_path):
    link_type, build = LINKS[link]
    path = tmp_path / 'handmade.pcap'
    with open(path, 'wb') as out:
        out.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, link_type))
        for packet in PACKETS:
            frame = build(packet)
            out.write(struct.pack('<IIII', 1, 0, len(frame), len(frame)) + frame)
    assert compare(path, link_type, binaries, environment) == len(PACKETS)
