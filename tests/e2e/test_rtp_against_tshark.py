"""common/calls' RtpQuality against tshark: packets, losses and jitter of each RTP stream that tshark finds by SDP.

rtp_dump (tests/support) shows what the class says of each stream of a capture. tshark's figures are those of
`-z rtp,streams`. Where they do not say what RFC 3550 says, JUDGED_BY_RFC has the stream with its reason: there jitter
is that of RFC 3550 appendix A.8, computed here from the timestamps and times that tshark prints.
"""
import json
import re
import subprocess

import pytest
from conftest import NEEDS_SHARED, shared_captures, truth

SHARED = shared_captures()
TRUTH = truth()
WITH_RTP = sorted(name for name, file in TRUTH.items() if file.get('rtp_streams'))

COLUMNS = re.compile(r'\s*[\d.]+\s+[\d.]+\s+(?P<source>\S+)\s+(?P<source_port>\d+)\s+(?P<destination>\S+)\s+'
                     r'(?P<destination_port>\d+)\s+0x(?P<ssrc>[0-9A-F]+)\s+.*?\s+(?P<packets>\d+)\s+(?P<lost>-?\d+) '
                     r'\(\S+\)\s+\S+\s+\S+\s+\S+\s+\S+\s+(?P<mean>\S+)\s+(?P<max>\S+)')

# Without it tshark reads what follows a T.38 offer as T.38, though the ends go on with voice, and before it some
# packets too: 1838 of 3848.
FAX = 'sip-b2bua-t38-fax-megaco.pcap'
OPTIONS = {FAX: ['--disable-protocol', 't38', '-d', 'udp.port==15580,rtp']}

# (capture, SSRC): (payload types left out, reason)
JUDGED_BY_RFC = {
    (FAX, 0x17D90134): ({13, 100}, 'telephone events (100), whose packets all have the timestamp of their begin, are '
                                   'compared with voice; then the sender sets its clock back by 43 s'),
    (FAX, 0x0EAF0EAF): ({102}, 'the same, without the clock'),
    ('sip-loopback-null-h263.pcap', 0x5482ECE0): (set(), 'packets with the marker are left out of the mean, which in '
                                                         'video is the last one of each frame'),
    ('sip-rtp-telephone-event.pcap', 0x5711BF84): ({96}, 'voice is compared with the telephone event before it'),
    ('sip-tcp-call-rtp-pcma.pcap', 0x5A3361B3): ({13}, 'comfort noise is compared with voice'),
    ('sip-tcp-call-rtp-pcma.pcap', 0x42F433D4): ({13}, 'the same'),
}
DAMAGED = {  # of the fuzzer's capture, by destination and SSRC
    ('212.242.33.36:40392', 0xAAAAAAAA): 'a payload type of RTCP: none here',
    ('212.242.33.36:40392', 0x3796CB71): 'three packets, of which one has a damaged payload type, one a timestamp: '
                                         'tshark compares the first, here the second is compared',
}
LEAP_S = 2  # no jitter: the sender set its clock


def tshark(name, *arguments):
    command = ['tshark', '-n', '-r', str(SHARED / name), *OPTIONS.get(name, []), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def judged(name):
    """By (source, destination, SSRC): packets, lost, mean and largest jitter in ms."""
    found = {}
    for line in tshark(name, '-q', '-z', 'rtp,streams').splitlines():
        match = COLUMNS.match(line)
        if match:
            ends = [(f'[{match[end]}]:' if ':' in match[end] else f'{match[end]}:') + match[end + '_port']
                    for end in ('source', 'destination')]
            found[(*ends, int(match['ssrc'], 16))] = {
                'packets': int(match['packets']), 'lost': int(match['lost']),
                'mean_jitter_ms': float(match['mean']), 'max_jitter_ms': float(match['max'])}
    return found


def jitter_by_rfc(name, ssrc, left_out, clock_rate):
    """RFC 3550 appendix A.8 in seconds, over packets in the order of arrival; the mean and the largest in ms."""
    fields = ['frame.time_epoch', 'rtp.timestamp', 'rtp.p_type']
    lines = tshark(name, '-Y', f'rtp.ssrc == {ssrc}', '-T', 'fields', *(part for f in fields for part in ('-e', f)))
    jitter, all_jitter, transit = 0.0, [], None
    for line in lines.splitlines():
        arrival, timestamp, payload_type = line.split('\t')
        if int(payload_type) in left_out:
            continue
        before, transit = transit, float(arrival) - int(timestamp) / clock_rate
        if before is None or abs(transit - before) > LEAP_S:
            continue
        jitter += (abs(transit - before) - jitter) / 16
        all_jitter.append(jitter)
    return {'mean_jitter_ms': 1e3 * sum(all_jitter) / len(all_jitter), 'max_jitter_ms': 1e3 * max(all_jitter)}


def dumped(name, binaries):
    done = subprocess.run([binaries / 'rtp_dump', SHARED / name], capture_output=True, text=True, check=True)
    streams = [json.loads(line) for line in done.stdout.splitlines()]
    return {(stream['source'], stream['destination'], stream['ssrc']): stream for stream in streams}


@NEEDS_SHARED
@pytest.mark.parametrize('name', WITH_RTP)
def test_every_stream_has_the_packets_losses_and_jitter_of_tshark(name, binaries):
    ours, theirs = dumped(name, binaries), judged(name)
    assert theirs
    for key, want in theirs.items():
        _, destination, ssrc = key
        if name == 'bad-sip-fuzzed-big-endian.pcap' and (destination, ssrc) in DAMAGED:
            continue
        assert key in ours, key
        got = ours[key]
        assert (got['packets'], got['lost'], got['duplicates']) == (want['packets'], want['lost'], 0), key
        left_out, _ = JUDGED_BY_RFC.get((name, ssrc), (None, ''))
        if left_out is not None:
            want |= jitter_by_rfc(name, ssrc, left_out, 90_000 if got['codec'] == 'H263' else 8000)
        for figure in ('mean_jitter_ms', 'max_jitter_ms'):
            # tshark prints a thousandth of a millisecond.
            assert got[figure] == pytest.approx(want[figure], rel=0.05, abs=0.001), (key, figure)


@NEEDS_SHARED
def test_every_voice_stream_has_an_estimate_that_falls_with_loss(binaries):
    """G.107's highest value is 4.41 for G.711, 4.10 for G.729A; video has none."""
    good = {'sip-rtp-g722.pcap': 4.41, 'sip-rtp-g729.pcap': 4.10, 'sip-rtp-opus.pcap': 4.41,
            'sip-rtp-pcmu-pcma-two-calls.pcap': 4.41, 'sip-loopback-null-h263.pcap': 0}
    for name, mos in good.items():
        for stream in dumped(name, binaries).values():
            assert stream['mos'] == pytest.approx(mos, abs=0.01), name
    volte = dumped('sip-volte-gtp-ipv6-tcp-amr-sll.pcap', binaries).values()
    lossy = [stream for stream in volte if stream['lost'] > 100]
    assert len(lossy) == 2 and all(stream['mos'] == 1 for stream in lossy)
