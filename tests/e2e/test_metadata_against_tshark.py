"""What subscribers are told of each packet (PacketMetadata) against tshark, over every real capture and our own.

hunterd replays a capture, processord describes it, and a client of reflection alone collects what comes. There are two
judges: tshark that looks at each packet by itself too (it puts neither segments nor fragments together), and tshark that
looks at streams and guesses RTP. Where they differ from us on purpose, comments that begin with DEVIATION say why.
"""
import json
import re
import subprocess

import pytest
from conftest import OUR_CAPTURES, shared_captures, truth
from grpc_call import Client
from support.peer import DATA

SHARED = shared_captures()
# A fuzzer's bytes have no right reading, and tests/fuzz has more of them; libpcap reads nothing of the third.
LEFT_OUT = re.compile(r'bad-.*|pcapng-eleven-interfaces\.pcapng')
CAPTURES = [*sorted(OUR_CAPTURES.glob('*.pcap')),
            *(sorted(path for path in SHARED.glob('*.pcap*') if not LEFT_OUT.fullmatch(path.name)) if SHARED else [])]

FIELDS = ['frame.protocols', '_ws.col.Protocol', 'ip.src', 'ip.dst', 'ipv6.src', 'ipv6.dst', 'udp.srcport', 'udp.dstport',
          'tcp.srcport', 'tcp.dstport', 'sctp.srcport', 'sctp.dstport', 'sip.Method', 'sip.Status-Code', 'sip.CSeq.method',
          'sip.Call-ID', 'sip.from.tag', 'sip.to.tag', 'sip.from.addr', 'sip.to.addr', 'sip.Content-Length', 'udp.payload',
          'tcp.payload', 'rtp.ssrc', 'rtp.p_type', 'rtp.seq', 'rtp.timestamp', 'dns.id', 'dns.flags.response', 'dns.qry.name',
          'dns.a', 'dns.aaaa', 'dns.count.answers',
          'http.request.method', 'http.response.code', 'tls.record.content_type', 'tls.record.opaque_type',
          'tls.handshake.extensions_server_name']
SINGLY = [argument for name in ('tcp.desegment_tcp_streams', 'ip.defragment', 'ipv6.defragment', 'sctp.reassembly')
          for argument in ('-o', f'{name}:FALSE')]
GUESSING = ['--disable-protocol', 't38', '--enable-heuristic', 'rtp_udp', '--enable-heuristic', 'rtcp_udp']
# What a protocol's begin has; without one of these tshark names the packet by its connection.
BEGINS = {'SIP': ('sip.Method', 'sip.Status-Code'), 'HTTP': ('http.request.method', 'http.response.code'),
          'TLS': ('tls.record.content_type', 'tls.record.opaque_type'), 'RTP': ('rtp.ssrc',)}


def judged(path, options):
    """For each packet what tshark says, field by field; each field a list of its occurrences."""
    command = ['tshark', '-n', '-r', str(path), *options, '-T', 'fields', '-E', 'aggregator=\x1f', '-E', 'occurrence=a']
    rules = json.loads((SHARED / 'decode-as.json').read_text(encoding='utf-8')) if SHARED else {}
    for rule in rules.get(path.name, []):
        command += ['-d', rule]
    for field in FIELDS:
        command += ['-e', field]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = []
    for line in done.stdout.decode('utf-8', 'replace').split('\n')[:-1]:
        values = [value.split('\x1f') if value else [] for value in line.split('\t')]
        rows.append(dict(zip(FIELDS, values)))
    return rows


def described(path, programs, packets):
    """The metadata of every packet, in order, and how many packets the subscription lost."""
    processor = programs.processord()
    client = Client(processor.address, options=[('grpc.max_receive_message_length', 64 << 20)])
    stream = client.call(f'{DATA}/SubscribePackets', {'client_id': 'watcher'}, timeout=50)
    assert stream.initial_metadata() is not None  # sent when the subscription stands
    hunter = programs.hunterd(processor, interface=path)
    got, lost = [], 0
    while len(got) + lost < packets:
        batch = next(stream)
        got += batch.packets
        lost = batch.stats.dropped
    assert hunter.wait(20) == 0
    stream.cancel()
    client.close()
    assert processor.stop() == 0
    assert lost == 0
    return [packet.metadata for packet in got]


def first(row, name):
    return row[name][0] if row[name] else ''


def last_of(row, name):
    """A field in bytes, of the innermost header."""
    return bytes.fromhex(row[name][-1]) if row[name] else b''


def begins_tls_record(payload):
    """RFC 8446 section 5.1."""
    return payload[:1] in (b'\x14', b'\x15', b'\x16', b'\x17') and payload[1:2] == b'\3' and len(payload) > 5


def begins_rtcp(payload):
    """RFC 3550 section 6.4, RFC 4585 section 6.1: version 2, a packet type, a length in words that fits."""
    return (len(payload) >= 8 and payload[0] >> 6 == 2 and 200 <= payload[1] <= 207 and
            (int.from_bytes(payload[2:4], 'big') + 1) * 4 <= len(payload))


def plain(text):
    """tshark shows some control characters as C does."""
    return re.sub(r'\\[abfnrtv]|[^\x20-\x7e]+', '?', text)


def expected_protocol(row):
    """tshark's name in ours; None where it knows a protocol that is none of ours, and the transport is named."""
    name = row['_ws.col.Protocol'][0].strip()
    tunnelled = re.fullmatch(r'GTP <(.*)>', name)
    name = tunnelled.group(1) if tunnelled else name
    quotes_a_packet = name.startswith('ICMP')
    # DEVIATION: the column names what a SIP message carries (GSM SMS), too.
    if name.startswith('SIP') or ((row['sip.Method'] or row['sip.Status-Code']) and not quotes_a_packet):
        name = 'SIP'
    elif name.startswith('TLSv'):
        name = 'TLS'
    elif name.endswith('RTCP'):
        name = 'RTCP'
    elif row['rtp.ssrc'] and not quotes_a_packet:
        name = 'RTP'
    # DEVIATION: what continues a message of an earlier segment is named by its connection there; it is TCP here. So is a
    # datagram at an address for RTP that has no RTP header (four bytes that open a firewall).
    if name not in BEGINS or any(row[field] for field in BEGINS[name]):
        same = {'DNS', 'MDNS', 'LLMNR', 'ARP', 'ICMP', 'ICMPv6', 'DHCP', 'NTP', 'STP', 'TCP', 'UDP', 'SCTP', 'EAPOL', 'IPv4',
                'IPv6', 'RTCP', *BEGINS}
        return name if name in same else None
    return None


def differences(row, guess, metadata, known_rtp):
    wrong = {}

    def check(what, got, want):
        if got != want:
            wrong[what] = f'tshark {want!r}, here {got!r}'

    layers = row['frame.protocols'][0]
    quotes_a_packet = re.search(r'icmp(v6)?:ip', layers)
    version = 'ipv6' if row['ipv6.src'] and layers.rfind(':ipv6') > layers.rfind(':ip:') else 'ip'
    if quotes_a_packet:
        check('addresses', (metadata.src_ip, metadata.dst_ip) in [
            *zip(row['ip.src'], row['ip.dst']), *zip(row['ipv6.src'], row['ipv6.dst'])], True)
    else:
        last = {name: row[name][-1] if row[name] else '' for name in row}
        check('addresses', (metadata.src_ip, metadata.dst_ip), (last[f'{version}.src'], last[f'{version}.dst']))
        transport = metadata.transport.lower()
        if transport in ('udp', 'tcp', 'sctp'):
            ports = (metadata.src_port, metadata.dst_port)
            check('ports', ports, (int(last[f'{transport}.srcport'] or 0), int(last[f'{transport}.dstport'] or 0)))

    want, got = expected_protocol(row), metadata.protocol
    # DEVIATION: without its streams tshark reads no message in WebSocket frames, and without a session description no RTP.
    # Nor does it where a description announces fax, although the machines go on with RTP.
    if got != want and row['_ws.col.Protocol'][0] in ('WebSocket', 'UDP', 'T.38'):
        row = guess
        want = expected_protocol(row)
    # DEVIATION: a TLS record is named where it begins, also when it goes on in the next segment, or comes again.
    if got == 'TLS' and begins_tls_record(last_of(row, 'tcp.payload')):
        want = 'TLS'
    # DEVIATION: RTCP is known by its bytes, on any ports.
    if got == 'RTCP' and begins_rtcp(last_of(row, 'udp.payload')):
        want = 'RTCP'
    # DEVIATION: the first packet of a stream that nobody announced might be anything.
    if want == 'RTP' and got == 'UDP' and (metadata.src_ip, metadata.src_port, first(row, 'rtp.ssrc')) not in known_rtp:
        want = 'UDP'
    if row['rtp.ssrc']:
        known_rtp.add((metadata.src_ip, metadata.src_port, first(row, 'rtp.ssrc')))
    if want is None:
        want = got if got == metadata.transport or not metadata.transport else 'none of ours'
    check('protocol', got, want)

    if got == 'SIP':
        if metadata.sip.method or not is_cut(row):  # a response's is its CSeq's
            check('method', metadata.sip.method, first(row, 'sip.Method') or first(row, 'sip.CSeq.method'))
        check('status', metadata.sip.response_code, int(first(row, 'sip.Status-Code') or 0))
        for ours, theirs in (('call_id', 'sip.Call-ID'), ('from_tag', 'sip.from.tag'), ('to_tag', 'sip.to.tag'),
                             ('from_uri', 'sip.from.addr'), ('to_uri', 'sip.to.addr'), ('cseq_method', 'sip.CSeq.method')):
            got_text, want_text = plain(getattr(metadata.sip, ours)), plain(first(row, theirs))
            # DEVIATION: a line that the segment's end cuts is not read: half a value is another value.
            if got_text or not is_cut(row):
                check(ours, got_text, want_text)
        start = 'Request: ' + first(row, 'sip.Method') if row['sip.Method'] else 'Status: ' + first(row, 'sip.Status-Code')
        check('info', metadata.info.startswith(start), True)
    if got == 'RTP' and row['rtp.ssrc']:
        rtp = metadata.rtp
        check('rtp', (rtp.ssrc, rtp.payload_type, rtp.sequence, rtp.timestamp),
              (int(first(row, 'rtp.ssrc'), 16), *(int(first(row, f'rtp.{n}')) for n in ('p_type', 'seq', 'timestamp'))))
    if got in ('DNS', 'MDNS'):
        dns = metadata.dns
        check('dns.id', dns.transaction_id, int(first(row, 'dns.id'), 16))
        check('dns.response', dns.is_response, first(row, 'dns.flags.response') in ('1', 'True'))
        check('dns.name', plain(dns.query_name), plain(first(row, 'dns.qry.name')).replace('<Root>', ''))
        check('dns.answers', dns.answer_count, int(first(row, 'dns.count.answers')))
        for kind, theirs in (('A', 'dns.a'), ('AAAA', 'dns.aaaa')):
            ours = [answer.data for answer in dns.answers if answer.type == kind]
            check(f'dns.{kind}', ours, row[theirs][:len(ours)])
    if got == 'TLS':
        name = first(row, 'tls.handshake.extensions_server_name')
        check('server name', f'(SNI={name})' in metadata.info if name else 'SNI=' not in metadata.info, True)
    return wrong


def is_cut(row):
    """Whether the segment ends within the message's header, of which Content-Length is the last line everywhere."""
    return bool(row['tcp.srcport']) and not row['sip.Content-Length']


def is_safe(text):
    return len(text) <= 200 and not re.search(r'[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]', text)


@pytest.mark.deadline(90)
@pytest.mark.parametrize('path', CAPTURES, ids=lambda path: path.name)
def test_each_packet_is_described_as_tshark_describes_it(path, programs):
    rows, guesses = judged(path, SINGLY), judged(path, GUESSING)
    packets = truth()[path.name]['tcpdump']['packets'] if path.parent == SHARED else len(rows)
    got = described(path, programs, packets)
    assert len(got) == packets == len(rows)
    wrong, known_rtp = [], set()
    for number, (row, guess, metadata) in enumerate(zip(rows, guesses, got), 1):
        assert metadata.protocol and metadata.info and is_safe(metadata.info)
        found = differences(row, guess, metadata, known_rtp)
        if found:
            wrong.append(f'frame {number} ({row["_ws.col.Protocol"][0]}): {found} {metadata.info!r}')
    assert not wrong, f'{len(wrong)} of {len(rows)} packets\n' + '\n'.join(wrong[:40])


def test_without_the_shared_captures_only_our_own_are_compared():
    if SHARED is None:
        pytest.skip('LC_SHARED_CAPTURES names no folder of real captures: compared with our own only')
