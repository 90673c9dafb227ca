"""Whether the programs make of a ladder's packets what they should: files, commands, and what consoles are told."""
import collections
import subprocess

from support import capture_file
from support.peer import Peer
from support.sip_text import COMPLETE
from support.waiting import TooLate, wait_until


OVER = (None, 'ended', 'failed', 'cancelled')


class CallJudge:
    """A ladder's packets pass tapd as a capture file, and a processord as a hunter sends them, act by act."""

    def __init__(self, programs, console_of, folder):
        self._programs, self._console_of, self._folder = programs, console_of, folder

    def judge(self, ladder):
        """A file for each call with its packets and no other; a command for each call that has ended; and what the
        ladder's marks say."""
        assert set(ladder.outcomes()) == ladder.call_ids() - {ladder.bystander.call_id}, 'each call has its marks'
        source = self._folder / 'ladder.pcap'
        capture_file.write_pcap(source, ladder.packets)
        ended = {call_id for call_id, outcome in ladder.outcomes().items() if outcome in OVER}
        expected = {call_id: ladder.of(call_id) for call_id in ladder.call_ids()}

        assert self._tapped(source) == sorted(ended)
        self._check_files(self._folder / 'tap', expected)
        assert self._told(ladder) == sorted(ended)
        self._check_files(self._folder / 'processor', expected)
        drawn = by_tshark(source)
        for path in sorted((self._folder / 'tap').iterdir()):
            ((call_id, messages),) = ((c, m) for c, m in by_tshark(path).items() if c in path.name)
            assert messages == drawn[call_id]

    def _tapped(self, source):
        """The Call-IDs that tapd has run the command for."""
        command, told = self._command('tap')
        tap = self._programs.run('tapd', '--listen', '127.0.0.1:0', '--interface', source, '--state-dir',
                                 self._folder / 'tap-state', '--per-call-dir', self._folder / 'tap', *command)
        assert tap.code == 0
        return sorted(told.read_text(encoding='utf-8').split()) if told.exists() else []

    def _told(self, ladder):
        """Likewise processord, whose console is to be told what the marks say."""
        command, told = self._command('processor')
        processor = self._programs.processord('--per-call-dir', self._folder / 'processor', '--state-dir',
                                              self._folder / 'processor-state', *command)
        console = self._console_of(processor)
        peer = Peer(processor.address, 'hunter-1')
        sent = 0
        for count, call_id, *mark in [*ladder.marks, (len(ladder.packets), None)]:
            if count > sent:
                peer.send([(packet.data, packet.time_ns) for packet in ladder.packets[sent:count]])
                sent = count
            if call_id and mark[0] == COMPLETE:
                wait_until(lambda: list((self._folder / 'processor').glob(f'*_{call_id}.pcapng')),  # noqa: B023
                           20, f'the whole file of {call_id}')
            elif call_id:
                self._wait_until_told(console, call_id, *mark)
        peer.wait_for_custody()
        peer.close()
        assert processor.stop(within=20) == 0
        return sorted(told.read_text(encoding='utf-8').split()) if told.exists() else []

    @staticmethod
    def _wait_until_told(console, call_id, state, status, method):
        def now():
            call = next((c for c in list(console.calls.values()) if call_id in {leg.call_id for leg in c.legs}), None)
            if call is None:
                return None, None, None
            (leg,) = call.legs  # each call is one of its own here
            return call.state if call.state == leg.state else (call.state, leg.state), leg.response_code, leg.method

        def as_marked():
            told = now()
            if state is None:
                return told[0] is None and call_id in console.best
            return told[0] == state and status in (None, told[1]) and method in (None, told[2])
        try:
            wait_until(as_marked, 10, '')
        except TooLate:
            raise AssertionError(f'{call_id} should be {state} {status or ""} {method or ""}, '
                                 f'consoles are told {now()}') from None

    def _command(self, name):
        told = self._folder / f'{name}.ended'
        script = self._folder / f'{name}.command'
        script.write_text(f'#!/bin/sh\necho "$1" >> {told}\n', encoding='utf-8')
        script.chmod(0o755)
        return ('--voip-command', f'{script} %callid%'), told

    @staticmethod
    def _check_files(folder, expected):
        files = {path.name: list(capture_file.read(path)) for path in folder.iterdir()}
        assert all(name.endswith('.pcapng') for name in files), files.keys()
        for call_id, packets in expected.items():
            mine = [name for name in files if name.partition('_')[2].startswith(call_id)]
            assert len(mine) == 1, f'one file for {call_id}: {sorted(files)}'
            capture_file.assert_same(packets, files.pop(mine[0]), f'packet of {call_id}')
        assert not files


def by_tshark(path):
    """The SIP messages of a file, in order: {Call-ID: [methods and statuses of a frame]}."""
    fields = ('sip.Call-ID', 'sip.Method', 'sip.Status-Code')
    done = subprocess.run(['tshark', '-n', '-r', path, '-Y', 'sip', '-T', 'fields', '-E', 'occurrence=a',
                           '-E', 'aggregator=|', *(part for field in fields for part in ('-e', field))], text=True,
                          capture_output=True, check=True, timeout=60)
    messages = collections.defaultdict(list)
    for line in done.stdout.splitlines():
        call_ids, methods, statuses = (field.split('|') for field in line.split('\t'))
        for call_id in dict.fromkeys(call_ids):
            messages[call_id].append((methods, statuses))
    return messages
