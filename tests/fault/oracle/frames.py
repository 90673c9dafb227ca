"""Numbered frames: Ethernet, IPv4, UDP, and a payload that says who sent it as which, and proves that it is whole.

Payload: magic (8 bytes), node name (16, padded with zeros), sequence (u64), a body of varying size, and BLAKE2b
(8 bytes) of the whole frame before it. Integers are big-endian.
"""
import hashlib
import random
import struct
from collections import namedtuple

MAGIC = b'lcfault1'
PAYLOAD = 14 + 20 + 8
BODY = PAYLOAD + 32
HASH_SIZE = 8
SMALLEST = BODY + HASH_SIZE
LARGEST_BODY = 1200

Numbered = namedtuple('Numbered', 'node sequence')


class Changed(Exception):
    """A frame that was one of ours and is not as it was sent."""


class Foreign(Exception):
    """A frame that no source sends."""


def _hash(data):
    return hashlib.blake2b(data, digest_size=HASH_SIZE).digest()


def _checksum(header):
    total = sum(struct.unpack('>10H', header))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def make(node, sequence, body):
    size = len(body) + SMALLEST
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, size - 14, sequence & 0xffff, 0, 64, 17, 0, bytes((10, 99, 0, 1)),
                     bytes((10, 99, 0, 2)))
    frame = b''.join((
        b'\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00',
        ip[:10], struct.pack('>H', _checksum(ip)), ip[12:],
        struct.pack('>HHHH', 40000, 9, size - 34, 0),  # a UDP checksum of 0: none
        MAGIC, struct.pack('>16sQ', node.encode(), sequence), body))
    return frame + _hash(frame)


def parse(frame):
    """The Numbered of a frame; Changed or Foreign."""
    if frame[PAYLOAD:PAYLOAD + 8] != MAGIC:
        raise Foreign
    if len(frame) < SMALLEST or _hash(frame[:-HASH_SIZE]) != frame[-HASH_SIZE:]:
        raise Changed
    name, sequence = struct.unpack_from('>16sQ', frame, PAYLOAD + 8)
    return Numbered(name.rstrip(b'\0').decode(), sequence)


def generate(node, seed):
    """All the frames of a node, without end; most are small, some as large as Ethernet allows."""
    draw = random.Random(f'{node} {seed}')
    sequence = 0
    while True:
        size = draw.randrange(LARGEST_BODY) if draw.random() < 0.2 else draw.randrange(160)
        yield make(node, sequence, draw.randbytes(size))
        sequence += 1
