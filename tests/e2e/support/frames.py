"""Frames that a test makes up, and which frames of a capture are which."""
import collections
import ipaddress
import re
import struct
import subprocess

from support import capture_file


def udp_frame(source, destination, payload):
    """An Ethernet frame with IPv4 and UDP; the ends are (address, port). The UDP checksum is left out (RFC 768)."""
    return _ipv4_frame(source, destination, 17, struct.pack('>HHHH', source[1], destination[1], 8 + len(payload), 0) + payload)


class TcpConnection:
    """The segments of a connection that is open, between two (address, port), each direction in order."""

    def __init__(self, client, server):
        self._ends = client, server
        self._next = {True: 1000, False: 2000}  # sequence numbers, by whether the client sends

    def frame(self, from_client, payload):
        source, destination = self._ends if from_client else self._ends[::-1]
        header = struct.pack('>HHIIBBHHH', source[1], destination[1], self._next[from_client], self._next[not from_client],
                             5 << 4, 0x18, 65_535, 0, 0)
        self._next[from_client] += len(payload)
        ends = ipaddress.ip_address(source[0]).packed + ipaddress.ip_address(destination[0]).packed
        checksum = _checksum(ends + struct.pack('>HH', 6, len(header) + len(payload)) + header + payload)
        return _ipv4_frame(source, destination, 6, header[:16] + checksum + header[18:] + payload)


def _ipv4_frame(source, destination, protocol, payload):
    addresses = ipaddress.ip_address(source[0]).packed + ipaddress.ip_address(destination[0]).packed
    header = struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0) + addresses
    return b'\x02' * 6 + b'\x04' * 6 + b'\x08\x00' + header[:10] + _checksum(header) + header[12:] + payload


def _checksum(data):
    """RFC 1071."""
    total = sum(struct.unpack(f'>{(len(data) + 1) // 2}H', data + b'\0' * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack('>H', ~total & 0xffff)


def split_call(capture):
    """The signalling of the captured call up to its answer, its media, and its end; each a list of frames."""
    frames = [packet.data for packet in capture_file.read(capture)]
    is_sip = [(5060).to_bytes(2, 'big') in (frame[34:36], frame[36:38]) for frame in frames]
    signalling = [frame for frame, sip in zip(frames, is_sip) if sip]
    end = next(i for i, frame in enumerate(signalling) if b'BYE sip:' in frame)
    return signalling[:end], [frame for frame, sip in zip(frames, is_sip) if not sip], signalling[end:]


def late(frame, number):
    """That RTP packet as one that tests can find again: its voice is a text."""
    text = b'late %6d' % number
    return frame[:-len(text)] + text


def numbers_of(kept, capture):
    """Which frames of `capture`, numbered from 1, the packets `kept` are; each only once, and in this order."""
    where = collections.defaultdict(collections.deque)
    for number, packet in enumerate(capture, 1):
        where[packet.time_ns, packet.length, packet.data].append(number)
    numbers = []
    for packet in kept:
        places = where[packet.time_ns, packet.length, packet.data]
        assert places, 'a packet that is not in the capture, or is stored more than once'
        numbers.append(places.popleft())
    return numbers


def ranges(text):
    """`4,6,8-11` of truth.json as a set."""
    parts = (part.partition('-') for part in text.split(',') if part)
    return {number for first, _, last in parts for number in range(int(first), int(last or first) + 1)}


def untagged(packet):
    """The Ethernet packet without its 802.1Q and 802.1ad tags."""
    data = packet.data
    while data[12:14] in (b'\x81\x00', b'\x88\xa8'):
        data = data[:12] + data[16:]
    return packet._replace(length=packet.length - len(packet.data) + len(data), data=data)


def tcpdump_numbers(packets, expression, folder):
    """The numbers of the packets, all of one link type, that tcpdump finds; none where libpcap refuses."""
    numbered, found = folder / 'numbered.pcap', folder / 'found.pcap'
    capture_file.write_pcap(numbered, [p._replace(time_ns=n) for n, p in enumerate(packets, 1)], packets[0].link_type)
    found.unlink(missing_ok=True)
    done = subprocess.run(['tcpdump', '-r', numbered, '--time-stamp-precision=nano', '-w', found, expression],
                          capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        assert re.search('rejects all packets|no VLAN support', done.stderr), done.stderr
        return set()
    return {packet.time_ns for packet in capture_file.read(found)}
