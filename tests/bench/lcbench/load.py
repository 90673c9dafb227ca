"""The packets that are measured with, and the certificates."""
import os
import pathlib
import subprocess
import sys

from .processes import BenchError, Skipped

FILE_HEADER = 24     # of a .pcap file
RECORD_HEADER = 16   # of each packet in it

# Options of make_load.py, and how often its packets are repeated to make about 1,000,000.
RECIPES = {
    # Mostly G.711 with its signalling and other traffic around it: about 220 bytes.
    'calls': (['--calls', '1000', '--seconds', '13'], 1),
    # Challenged calls that all fail, so that there is no media: about 570 bytes.
    'sip': (['--calls', '16000', '--seconds', '20', '--fail', '1', '--auth', '1', '--background', '0', '--tcp', '0',
             '--compact', '0', '--large', '0.25', '--ipv6', '0.5'], 7),
}


class Load:
    """A capture file of about 1,000,000 packets."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.packet_bytes = 0
        self.packets = 0

    def read(self, pcap_read_result):
        """Takes the counts from libpcap's reading of the file."""
        self.packets = int(pcap_read_result['packets'])
        self.packet_bytes = int(pcap_read_result['bytes'])

    def stored_bytes(self, loops):
        """Size of a .pcap file that holds all of its packets `loops` times."""
        return FILE_HEADER + loops * (self.packet_bytes + self.packets * RECORD_HEADER)

    def mean_bytes(self):
        return self.packet_bytes / self.packets


def shared_captures(repository):
    """Where make_load.py lies; Skipped that says what to set."""
    folder = pathlib.Path(os.environ.get('LC_SHARED_CAPTURES') or repository.parent / 'shared' / 'captures')
    if not (folder / 'make_load.py').is_file():
        raise Skipped('LC_SHARED_CAPTURES does not name the folder with make_load.py, which makes the packets')
    return folder


def make_load(kind, repository, data):
    """The file of `kind`, made once and kept in the folder `data`."""
    path = data / f'{kind}.pcap'
    if path.exists():
        return Load(path)
    generator = shared_captures(repository) / 'make_load.py'
    options, times = RECIPES[kind]
    data.mkdir(parents=True, exist_ok=True)
    part = data / f'{kind}.part'
    print(f'making {path} (once) ...', file=sys.stderr)
    run([sys.executable, generator, *options, '--out', part])
    part.with_name(part.name + '.json').unlink()   # its truth about calls is not needed here
    whole = part.read_bytes()
    with part.open('ab') as file:
        for _ in range(times - 1):
            file.write(whole[FILE_HEADER:])
    part.rename(path)
    return Load(path)


def make_mixed(repository, data):
    """`calls` and then 4/7 of `sip`: about 350 bytes."""
    path = data / 'mixed.pcap'
    if not path.exists():
        whole = [make_load(kind, repository, data).path.read_bytes() for kind in ('calls', 'sip')]
        signalling = whole[1][FILE_HEADER:]
        part = path.with_suffix('.part')
        part.write_bytes(whole[0] + signalling[:len(signalling) // RECIPES['sip'][1] * 4])
        part.rename(path)
    return Load(path)


def run(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise BenchError(f'{pathlib.Path(command[0]).name} failed: {done.stderr.strip()}')


def make_certificates(repository, folder):
    """Options of server and client for mutual TLS."""
    run([repository / 'tests' / 'certificates', folder])

    def options(name):
        return ['--tls-cert', folder / f'{name}.crt', '--tls-key', folder / f'{name}.key', '--tls-ca',
                folder / 'ca.crt']
    return options('server'), options('client')
