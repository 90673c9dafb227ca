"""A source of numbered frames: a process of its own that sends them on an interface, or a capture file of them.

    python3 -m oracle.source NODE SEED INTERFACE PACKETS_PER_SECOND SECONDS LOG

LOG gets the time of each send (CLOCK_MONOTONIC, ns, u64 in this machine's order): the n-th is that of sequence n.
SIGTERM ends it early, in order.
"""
import array
import errno
import itertools
import signal
import socket
import sys
import time

from oracle import frames
from support import capture_file


def times(path):
    """The send times that a source logged; only what it wrote out is there."""
    sent = array.array('Q')
    data = path.read_bytes()
    sent.frombytes(data[:len(data) // 8 * 8])
    return sent


def write_file(path, node, seed, count, packets_per_second):
    """A capture file with `count` frames, evenly spaced in time."""
    start_ns, step_ns = 1_700_000_000_000_000_000, 1_000_000_000 // packets_per_second
    capture_file.write_pcap(path, (
        capture_file.Packet(start_ns + n * step_ns, 1, len(frame), frame)
        for n, frame in enumerate(itertools.islice(frames.generate(node, seed), count))))


def send(node, seed, interface, packets_per_second, seconds, log, stopped):
    """Until `seconds` have passed or `stopped()`, which is asked between packets: what is sent is in the log."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.bind((interface, 0))
        begun = time.monotonic_ns()
        for sequence, frame in enumerate(frames.generate(node, seed)):
            due = begun + sequence * 1_000_000_000 // packets_per_second
            # Some milliseconds' worth at a time: sleeping before each would cost more than sending.
            if (early := due - time.monotonic_ns()) > 5_000_000:
                log.flush()
                time.sleep(early / 1e9)
            now = time.monotonic_ns()
            if now - begun > seconds * 1e9 or stopped():
                return
            _send(out, frame)
            log.write(now.to_bytes(8, sys.byteorder))


def _send(out, frame):
    while True:
        try:
            out.send(frame)
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            time.sleep(0.001)


def main():
    signals = []
    signal.signal(signal.SIGTERM, lambda number, _frame: signals.append(number))
    node, seed, interface, packets_per_second, seconds, path = sys.argv[1:]
    with open(path, 'wb') as log:
        send(node, seed, interface, int(packets_per_second), float(seconds), log, lambda: bool(signals))


if __name__ == '__main__':
    main()
