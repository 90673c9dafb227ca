"""Capture files read with nothing but Python: pcap and pcapng, either byte order, every time resolution.

Formats: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng. Kept apart from libpcap on purpose, as what is tested
writes and reads with the latter's rules; tshark and capinfos (judges.py) are the second opinion.
"""
import struct
from collections import namedtuple

Packet = namedtuple('Packet', 'time_ns link_type length data')  # length: on the wire; len(data): captured

_PCAP_TICKS = {0xa1b2c3d4: 1000, 0xa1b23c4d: 1}  # nanoseconds for each unit of the sub-second field
_RAW_IP = {12: 101, 14: 101}  # DLT_RAW of some systems, written where LINKTYPE_RAW belongs


class Damaged(Exception):
    pass


def read(path, torn_tail=False):
    """Yields the packets of a file. `torn_tail`: a record cut short at the very end is left out instead of Damaged."""
    with open(path, 'rb') as file:
        data = file.read()
    packets = _pcapng(data) if data[:4] == b'\x0a\x0d\x0d\x0a' else _pcap(data)
    try:
        yield from packets
    except Damaged:
        if not torn_tail:
            raise


def _pcap(data):
    for order in '<>':
        if len(data) >= 24 and (magic := struct.unpack_from(order + 'I', data)[0]) in _PCAP_TICKS:
            break
    else:
        raise Damaged('not a pcap file')
    ticks = _PCAP_TICKS[magic]
    link_type = _link_type(struct.unpack_from(order + 'I', data, 20)[0] & 0xffff)  # above: FCS length, reserved
    swapped = struct.unpack_from(order + 'HH', data, 4) < (2, 3)  # before version 2.3 the two lengths stood the other way
    record, at, end = struct.Struct(order + 'IIII').unpack_from, 24, len(data)
    while at < end:
        if at + 16 > end:
            raise Damaged(f'record header cut short at {at}')
        seconds, fraction, captured, length = record(data, at)
        if swapped:
            captured, length = length, captured
        at += 16
        if at + captured > end:
            raise Damaged(f'record cut short at {at}')
        yield Packet(seconds * 1_000_000_000 + fraction * ticks, link_type, length, data[at:at + captured])
        at += captured


def _pcapng(data):
    at, end, order, interfaces = 0, len(data), '<', []
    while at < end:
        if at + 12 > end:
            raise Damaged(f'block header cut short at {at}')
        if data[at:at + 4] == b'\x0a\x0d\x0d\x0a':
            order = '<' if data[at + 8:at + 12] == b'\x4d\x3c\x2b\x1a' else '>'
            interfaces = []
        kind, total = struct.unpack_from(order + 'II', data, at)
        if total < 12 or total % 4 or at + total > end:
            raise Damaged(f'block cut short at {at}')
        if struct.unpack_from(order + 'I', data, at + total - 4)[0] != total:
            raise Damaged(f'block lengths differ at {at}')
        body = data[at + 8:at + total - 4]
        if kind == 1:
            interfaces.append(_interface(body, order))
        elif kind == 6:
            number, high, low, captured, length = struct.unpack_from(order + 'IIIII', body)
            link_type, ticks_per_second, offset, _, _ = interfaces[number]
            ticks = (high << 32) + low
            time_ns = offset * 1_000_000_000 + ticks * 1_000_000_000 // ticks_per_second
            yield Packet(time_ns, link_type, length, body[20:20 + captured])
        elif kind == 3:  # simple packet: no time
            length, = struct.unpack_from(order + 'I', body)
            link_type, _, _, snaplen, _ = interfaces[0]
            yield Packet(0, link_type, length, body[4:4 + min(length, snaplen or length)])
        at += total


def _blocks(path):
    """(kind, body, byte order) of every block of a pcapng file."""
    at, order = 0, '<'
    with open(path, 'rb') as file:
        data = file.read()
    while at + 12 <= len(data):
        if data[at:at + 4] == b'\x0a\x0d\x0d\x0a':
            order = '<' if data[at + 8:at + 12] == b'\x4d\x3c\x2b\x1a' else '>'
        kind, total = struct.unpack_from(order + 'II', data, at)
        yield kind, data[at + 8:at + total - 4], order
        at += total


def interface_names(path):
    """The if_name of every interface of a pcapng file, in order."""
    return [_interface(body, order)[4] for kind, body, order in _blocks(path) if kind == 1]


def interface_descriptions(path):
    """The if_description of every interface of a pcapng file, in order."""
    return [dict(_options(body[8:], order))[3].decode() for kind, body, order in _blocks(path) if kind == 1]


def packets_by_description(path):
    """The packets of a pcapng file in order, apart by the if_description of their interfaces."""
    found, interfaces = {}, []
    for kind, body, order in _blocks(path):
        if kind == 1:
            interfaces.append((dict(_options(body[8:], order))[3].decode(), _interface(body, order)))
        elif kind == 6:
            number, high, low, captured, length = struct.unpack_from(order + 'IIIII', body)
            description, (link_type, ticks_per_second, offset, _, _) = interfaces[number]
            time_ns = offset * 1_000_000_000 + ((high << 32) + low) * 1_000_000_000 // ticks_per_second
            packet = Packet(time_ns, link_type, length, body[20:20 + captured])
            found.setdefault(description, []).append(packet)
    return found


def interface_filters(path):
    """The if_filter of every interface of a pcapng file that has one, without the byte that says its kind."""
    return [dict(_options(body[8:], order))[11][1:].decode() for kind, body, order in _blocks(path)
            if kind == 1 and 11 in dict(_options(body[8:], order))]


def interface_statistics(path):
    """(received, dropped) of every interface of a pcapng file that says so, by if_name."""
    told, names = {}, interface_names(path)
    for kind, body, order in _blocks(path):
        if kind == 5:
            options = dict(_options(body[12:], order))
            number, = struct.unpack_from(order + 'I', body)
            told[names[number]] = tuple(struct.unpack(order + 'Q', options[code])[0] for code in (4, 5))
    return told


def _options(data, order):
    at = 0
    while at + 4 <= len(data):
        code, size = struct.unpack_from(order + 'HH', data, at)
        if code == 0:
            return
        yield code, data[at + 4:at + 4 + size]
        at += 4 + (size + 3) // 4 * 4


def _interface(body, order):
    link_type, _, snaplen = struct.unpack_from(order + 'HHI', body)
    ticks_per_second, offset, name = 1_000_000, 0, None
    for code, value in _options(body[8:], order):
        if code == 2:
            name = value.decode()
        elif code == 9:
            ticks_per_second = 2 ** (value[0] & 0x7f) if value[0] & 0x80 else 10 ** value[0]
        elif code == 14:
            offset, = struct.unpack(order + 'q', value)
    return _link_type(link_type), ticks_per_second, offset, snaplen, name


def _link_type(number):
    return _RAW_IP.get(number, number)


def write_pcap(path, packets, link_type=1):
    """A nanosecond pcap, for input that a test makes up."""
    with open(path, 'wb') as file:
        file.write(struct.pack('<IHHiIII', 0xa1b23c4d, 2, 4, 0, 0, 262144, link_type))
        for packet in packets:
            seconds, fraction = divmod(packet.time_ns, 1_000_000_000)
            file.write(struct.pack('<IIII', seconds, fraction, len(packet.data), packet.length) + packet.data)


def tagged(packet, *tags):
    """The Ethernet packet with 802.1Q or 802.1ad tags in front, outermost first, each (EtherType, tag control)."""
    inserted = b''.join(struct.pack('>HH', *tag) for tag in tags)
    return packet._replace(length=packet.length + len(inserted), data=packet.data[:12] + inserted + packet.data[12:])


def assert_same(expected, stored, what='packet'):
    """The same packets in the same order; else says which is the first that differs, and how."""
    expected, stored = iter(expected), iter(stored)
    number = 0
    for number, want in enumerate(expected, 1):
        have = next(stored, None)
        assert have is not None, f'{what} {number} and all after it are missing'
        if want != have:
            raise AssertionError(f'{what} {number} differs:\n  expected {_show(want)}\n  stored   {_show(have)}')
    extra = sum(1 for _ in stored)
    assert not extra, f'{extra} more than the {number} expected'


def _show(packet):
    return (f'time_ns={packet.time_ns} link_type={packet.link_type} length={packet.length} '
            f'captured={len(packet.data)} {packet.data[:48].hex()}')
