"""--per-call-dir: each call in a file of its own, with its signalling, its media and nothing else."""
import collections
import functools
import os
import re
import stat
import subprocess

import pytest
from conftest import NEEDS_SHARED, OUR_CAPTURES, shared_captures
from support import capture_file, judges
from support.frames import udp_frame
from support.sip_text import message
from support.waiting import wait_until
from test_calls_against_truth import was_in_progress
from test_filters_against_truth import CAPTURES, TRUTH, expected

CALL = OUR_CAPTURES / 'call-media.pcap'
# More files than tshark could open in the time of a test: of these some.
MOST_JUDGED = 12
# A Call-ID that goes on after more than five minutes of silence has a second file.
SILENT = {'sip-auth-407-failures-in-lan-mix.pcap'}


def key(packet):
    return packet.time_ns, packet.link_type, packet.length, packet.data


def content(folder):
    """The packets of each file, by its name."""
    assert not [path for path in folder.iterdir() if path.suffix == '.part']
    return {path.name: [key(packet) for packet in capture_file.read(path)] for path in sorted(folder.iterdir())}


def tapped(programs, source, folder, *options, within=60):
    process = programs.run('tapd', '--listen', '127.0.0.1:0', '--interface', source, '--state-dir',
                           folder.with_name(folder.name + '-state'), '--per-call-dir', folder, *options, within=within)
    return process.code


def chained(programs, source, folder, *options):
    processor = programs.processord('--per-call-dir', folder, '--state-dir', folder.with_name(folder.name + '-state'),
                                    *options)
    code = programs.hunterd(processor, interface=source).wait(within=60)
    assert processor.stop(within=20) == 0
    return code


@functools.lru_cache(maxsize=1)
def packets_of(name):
    return [key(packet) for packet in capture_file.read(shared_captures() / name)]


@NEEDS_SHARED
@pytest.mark.deadline(240)
@pytest.mark.parametrize('name', CAPTURES)
def test_each_call_of_a_real_capture_has_a_file_with_exactly_its_packets(programs, tmp_path, name):
    """By tapd and by hunterd and processord: the same files, one for each call that tshark finds."""
    source = shared_captures() / name
    assert tapped(programs, source, tmp_path / 'tap') == chained(programs, source, tmp_path / 'chain')
    files = content(tmp_path / 'tap')
    assert files == content(tmp_path / 'chain')

    packets = packets_of(name)
    calls = {dialog['call_id']: [packets[n - 1] for n in sorted(expected(name, dialog))]
             for dialog in TRUTH[name]['sip_dialogs'] if dialog['is_call'] or was_in_progress(dialog)}
    if name in SILENT:
        pieces = sorted(packet for packets in files.values() for packet in packets)
        assert pieces == sorted(packet for packets in calls.values() for packet in packets)
        return
    assert sorted(files.values()) == sorted(calls.values())
    for path in sorted((tmp_path / 'tap').iterdir())[:MOST_JUDGED]:
        judges.tshark_frames(path)


def call_ids(path):
    done = subprocess.run(['tshark', '-n', '-r', path, '-Y', 'sip', '-T', 'fields', '-e', 'sip.Call-ID'],
                          capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_a_call_file_is_complete_private_and_found_by_its_call_id(programs, tmp_path):
    folder = tmp_path / 'new' / 'calls'
    folder.parent.mkdir()
    assert tapped(programs, CALL, folder) == 0
    assert stat.S_IMODE(folder.stat().st_mode) | stat.S_ISGID == 0o2750
    (path,) = folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    (call_id,) = call_ids(path)
    assert re.fullmatch(r'[0-9]{8}T[0-9]{6}Z_.*\.pcapng', path.name)
    assert path.stem.partition('_')[2] == re.sub(r'[^A-Za-z0-9.@_+-]', '_', call_id)
    assert [key(p) for p in capture_file.read(path)] == [key(p) for p in capture_file.read(CALL)]


def test_signalling_and_media_go_into_files_of_their_own_when_asked(programs, tmp_path):
    folder = tmp_path / 'calls'
    assert tapped(programs, CALL, folder, '--per-call-split', '--per-call-format', 'pcap') == 0
    sip, rtp = sorted(folder.iterdir(), key=lambda p: p.name.endswith('_rtp.pcap'))
    assert sip.name.endswith('_sip.pcap') and rtp.name.endswith('_rtp.pcap')
    both = collections.Counter(key(p) for path in (sip, rtp) for p in capture_file.read(path))
    assert both == collections.Counter(key(p) for p in capture_file.read(CALL))
    assert all(b'SIP/2.0' in p.data for p in capture_file.read(sip))
    assert not any(b'SIP/2.0' in p.data for p in capture_file.read(rtp))


def test_what_is_in_no_call_goes_into_the_rotating_files(programs, tmp_path):
    other = [capture_file.Packet(p.time_ns + 1, 1, len(frame), frame) for p in capture_file.read(CALL)
             for frame in [udp_frame(('192.0.2.9', 7), ('192.0.2.8', 9), b'of no call')]]
    mixed = sorted([*capture_file.read(CALL), *other], key=lambda p: p.time_ns)
    source = tmp_path / 'mixed.pcap'
    capture_file.write_pcap(source, mixed)
    assert tapped(programs, source, tmp_path / 'calls', '--rotate-dir', tmp_path / 'rest') == 0
    (call,) = content(tmp_path / 'calls').values()
    (rest,) = content(tmp_path / 'rest').values()
    assert call == [key(p) for p in capture_file.read(CALL)]
    assert sorted(p[3] for p in rest) == sorted(p.data for p in other)


def invite(call_id, user='anna'):
    def request(method):
        return message(f'{method} sip:boris@example.org SIP/2.0',
                       {'Via': 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1', 'From': f'<sip:{user}@example.org>;tag=1',
                        'To': '<sip:boris@example.org>', 'Call-ID': call_id, 'CSeq': f'1 {method}'})
    return [udp_frame(('192.0.2.1', 5060), ('192.0.2.2', 5060), request(method)) for method in ('INVITE', 'CANCEL')]


HOSTILE = [b'../../etc/passwd', b'..', b'.', b'/absolute', b'a b c', b'"quoted"', b"'single'", b'$(touch pwned)',
           b'`touch pwned`', b'a;touch pwned', b'|touch pwned', b'-rf', b'%pcap%', b'{callid}', b'\xff\xfe\x80', b'\x1b[31m',
           b'x' * 4096, b'x' * 4095 + b'y', 'käse'.encode(), b'a\\b', b'con', b'*?']


def test_hostile_call_ids_stay_in_the_folder_and_are_one_argument_of_hooks(programs, tmp_path):
    """Nothing is executed, nothing is written elsewhere, and each command gets the Call-ID as it came."""
    folder, told = tmp_path / 'calls', tmp_path / 'told'
    told.mkdir()
    source = tmp_path / 'hostile.pcap'
    frames = [frame for call_id in HOSTILE for frame in invite(call_id, user='$(touch pwned)')]
    capture_file.write_pcap(source, [capture_file.Packet(10**18 + n, 1, len(f), f) for n, f in enumerate(frames)])
    hook = tmp_path / 'hook'
    hook.write_text(f'#!/bin/sh\nprintf "%s\\0" "$#" "$@" > {told}/$$\n')
    hook.chmod(0o755)
    before = set(os.listdir(tmp_path))
    assert tapped(programs, source, folder, '--voip-command',
                  f'{hook} %callid% %caller% %called% %dirname% %calldate%') == 0
    assert set(os.listdir(tmp_path)) - before - {'tapd.log', 'tapd.out'} == {'calls', 'calls-state'}
    assert not list(tmp_path.rglob('pwned'))
    files = list(folder.iterdir())
    assert len(files) == len(HOSTILE)
    for path in files:
        name = os.fsencode(path.name)
        assert path.is_file() and len(name) <= 255 and not name.startswith((b'.', b'-'))
        assert re.fullmatch(r'[^\x00-\x1f\x7f/\\"\'`$;|*? ]+', path.name), path.name
        assert len(list(capture_file.read(path))) == 2
    values = [path.read_bytes().split(b'\0')[:-1] for path in told.iterdir()]
    assert len(values) == len(HOSTILE)
    assert all(value[0] == b'5' and value[2:5] == [b'$(touch pwned)', b'boris', os.fsencode(folder)] for value in values)
    # The parser reads Call-IDs of any length; what names a call is bounded.
    assert sorted(value[1][:200] for value in values) == sorted(call_id[:200] for call_id in HOSTILE)


@pytest.mark.slow
@pytest.mark.deadline(180)
def test_a_killed_processor_neither_loses_nor_doubles_a_packet_of_a_call(programs, tmp_path):
    """Killed again and again while calls pass; the same call may then be in several files."""
    folder, state = tmp_path / 'calls', tmp_path / 'state'
    load, calls = tmp_path / 'load.pcap', 40
    packets, base = [], list(capture_file.read(CALL))
    (call_id,) = {match[1] for p in base for match in [re.search(rb'Call-ID: ([^\r]+)', p.data)] if match}
    for n in range(calls):
        for p in base:
            data = p.data.replace(call_id, call_id[:-3] + b'%03d' % n)
            packets.append(p._replace(time_ns=p.time_ns + n * 400_000_000_000, data=data))
    capture_file.write_pcap(load, packets)

    def start(port=0):
        return programs.processord('--per-call-dir', folder, '--state-dir', state, listen=f'127.0.0.1:{port}')

    def files():
        return len(list(folder.iterdir())) if folder.exists() else 0
    processor = start()
    hunter = programs.hunterd(processor, '--batch-size', '5', interface=load)
    lives = 1
    while hunter.running() and lives < 12:
        before = files()
        wait_until(lambda: not hunter.running() or files() > before + 3, 30, 'some calls more')  # noqa: B023
        if hunter.running():
            processor.kill()
            processor = start(processor.port)
            lives += 1
    assert hunter.wait(within=60) == 0
    assert processor.stop(within=20) == 0
    assert lives > 1, 'the processor was not killed while packets came'
    stored = collections.Counter(packet for packets in content(folder).values() for packet in packets)
    assert stored == collections.Counter(key(p) for p in packets)
    for path in folder.iterdir():
        assert len(call_ids(path)) <= 1
