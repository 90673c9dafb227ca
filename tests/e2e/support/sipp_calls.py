"""Calls with media that sipp makes over the first veth pair of a link, and tcpdump as their witness."""
import collections
import shutil
import signal
import subprocess

from conftest import OUR_CAPTURES
from support import capture_file
from support.waiting import wait_until

CALLER, CALLED = '192.0.2.1', '192.0.2.2'
USERS = [f'{name}-{place}' for name in ('anna', 'boris', 'clara', 'dimitri', 'elena')
         for place in ('bonn', 'kiel', 'ulm', 'trier')]
Frame = collections.namedtuple('Frame', 'call_id user ports sdp_port')


class SippCalls:
    """Gives both ends their addresses. `seen` is what tcpdump saw on the watcher's side."""

    def __init__(self, programs, link, folder):
        assert shutil.which('sipp'), 'sipp is not installed: deploy/install-dependencies build test'
        self._programs, self._link, self._folder = programs, link, folder
        self.seen = folder / 'seen.pcap'
        for namespace, interface, address in ((link.sender, link.tx[0], CALLER), (link.watcher, link.rx[0], CALLED)):
            link.run(namespace, 'ip', 'address', 'add', f'{address}/24', 'dev', interface)

    def watch(self):
        self._judge = self._programs.processes.start(
            [*self._link.watching, 'tcpdump', '-i', self._link.rx[0], '-n', '-U', '-s', '0', '-B', '65536',
             '--time-stamp-precision=nano', '-w', self.seen], 'tcpdump')
        self._judge.wait_for_log('listening on')

    def make(self, rate, calls, patience):
        """From the users in turn; some may be given up where the machine is too slow: `seen` says what there was."""
        self._media_files()
        called = self._sipp(self._link.watcher, patience + 15, 'called-many.xml', '-i', CALLED, '-mi', CALLED,
                            '-mp', '20000')
        wait_until(lambda: ':5060 ' in self._link.run(self._link.watcher, 'ss', '-lnu'), 10, 'sipp answers')
        self._sipp(self._link.sender, patience, 'caller-many.xml', '-inf', 'users.csv', '-i', CALLER,
                   '-mi', CALLER, '-mp', '40000', '-s', 'office', '-r', str(rate), '-m', str(calls),
                   CALLED).wait(patience + 15)
        called.kill()

    def end_watch(self):
        self._judge.signal(signal.SIGINT)
        self._judge.wait()
        assert '0 packets dropped by kernel' in self._judge.log, 'the judge itself lost packets'

    def _sipp(self, namespace, patience, scenario, *options):
        """In a folder of its own: it looks there for the audio, and leaves files."""
        return self._programs.processes.start(
            ['ip', 'netns', 'exec', namespace, 'env', '-C', self._folder, 'sipp', '-sf',
             OUR_CAPTURES / 'sipp' / scenario, *options, '-nostdin', '-timeout', str(patience)], 'sipp')

    def _media_files(self):
        """Twenty RTP packets, which sipp gives the ports of each call, and the users in turn."""
        rtp = [packet for packet in capture_file.read(OUR_CAPTURES / 'call-media.pcap') if len(packet.data) == 214]
        one_way = [packet for packet in rtp if packet.data[26:30] == rtp[0].data[26:30]]
        capture_file.write_pcap(self._folder / 'media.pcap', one_way[:20])
        (self._folder / 'users.csv').write_text('SEQUENTIAL\n' + ''.join(f'{user};\n' for user in USERS),
                                                encoding='utf-8')


def by_tshark(path):
    """Each frame as an independent reader has it; media is known by its ports."""
    fields = ['sip.Call-ID', 'sip.from.user', 'udp.srcport', 'udp.dstport', 'sdp.media.port']
    done = subprocess.run(['tshark', '-n', '-r', path, '-d', 'udp.port==5060,sip', '-T', 'fields',
                           *(part for field in fields for part in ('-e', field))],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, timeout=120)
    for line in done.stdout.split('\n')[:-1]:
        call_id, user, source, destination, sdp_port = line.split('\t')
        yield Frame(call_id, user, {source, destination} - {''}, sdp_port)
