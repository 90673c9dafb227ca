"""SubscribeCorrelatedCalls: the calls of all hunters with their legs, states and streams, as consoles are told of them."""
import subprocess

import grpc
import pytest
from conftest import NEEDS_SHARED, OUR_CAPTURES, shared_captures
from support import capture_file
from support.console import BEGIN
from support.waiting import TooLate, wait_until
from test_filters_against_truth import TRUTH

CALL = OUR_CAPTURES / 'call-media.pcap'


def watched(programs, console_of, capture, call_ids):
    """A console that has been told of these calls of a capture."""
    processor = programs.processord()
    console = console_of(processor)
    assert programs.hunterd(processor, interface=capture).wait(within=60) == 0
    wait_until(lambda: call_ids <= set(console.best), 20, 'every call is told of')
    return processor, console


STATES = {'answered': {'active', 'ended'}, 'no-final-response': {'trying', 'ringing', 'cancelled'}}
ONE_CALL = {  # Call-IDs that are legs of one call, and why
    'sip-b2bua-asterisk.pcapng': 'both phones are told the other one\'s address',
    'sip-b2bua-t38-fax-megaco.pcap': 'the border controller keeps the tags, behind a prefix',
}


@NEEDS_SHARED
@pytest.mark.deadline(120)
@pytest.mark.parametrize('name', ['sip-rtp-g722.pcap', 'sip-rtp-g729.pcap', 'sip-tcp-call-rtp-pcma.pcap',
                                  'sip-rtp-pcmu-pcma-two-calls.pcap', 'sip-ipv6-fragments-sll.pcap', *ONE_CALL])
def test_a_console_is_told_of_each_call_as_tshark_sees_it(programs, console_of, name):
    dialogs = {dialog['call_id']: dialog for dialog in TRUTH[name]['sip_dialogs'] if dialog['is_call']}
    _, console = watched(programs, console_of, shared_captures() / name, set(dialogs))
    for call_id, dialog in dialogs.items():
        (leg,) = (leg for leg in console.best[call_id].legs if leg.call_id == call_id)
        assert leg.hunter_id == 'hunter-1'
        assert leg.start_time_ns == dialog['start_ns']
        assert leg.state in STATES.get(dialog['state'], {'failed', 'cancelled'}), dialog['state']
        assert leg.packet_count == len(dialog['messages'])
        if dialog['first_method'] == 'INVITE' and len(console.best[call_id].legs) == 1:
            assert console.best[call_id].from_user == (dialog['from_user'] or '')
            assert console.best[call_id].to_user == (dialog['to_user'] or '')
    groups = {frozenset(leg.call_id for leg in call.legs) for call in console.best.values()}
    assert groups == ({frozenset(dialogs)} if name in ONE_CALL else {frozenset([call_id]) for call_id in dialogs})


# Which lives a capture shows; of those in which a call is over and forgotten before the file is, consoles are told nothing.
REAL = {
    'sip-b2bua-asterisk.pcapng': 're-INVITE with new addresses',
    'sip-b2bua-t38-fax-megaco.pcap': 'T.38 by re-INVITE, repeated BYE',
    'sip-gre-ethernet-three-calls-refer.pcapng': 'transferred, on both sides of a border controller',
    'sip-ipv4-fragments-multipart.pcap': 'failed, re-INVITE',
    'sip-pppoe-dtmf-by-info.pcap': 'answered while it is cancelled',
    'sip-rtp-pcmu-pcma-two-calls.pcap': 'a BYE that was not captured',
    'sip-rtp-rtcp-in-lan-mix.pcap': 'neither answer nor BYE',
    'sip-tcp-call-rtp-pcma.pcap': 'over TCP',
    'sip-zrtp-reinvite-asterisk.pcap': 'challenged, re-INVITE',
}


def state_by_tshark(dialog):
    """Where a call stands behind its last message, by the list of its messages."""
    if dialog['bye']:
        return 'ended'
    if dialog['state'] == 'answered':
        return 'active'
    if dialog['cancel'] or dialog['state'] == 'failed-487':
        return 'cancelled'
    if dialog['state'].startswith('failed'):
        return 'failed'
    return 'ringing' if any(status.startswith('18') for status in dialog['messages']) else 'trying'


@NEEDS_SHARED
@pytest.mark.parametrize('name', REAL)
def test_the_calls_of_a_real_capture_are_told_as_they_end(programs, console_of, name):
    """Their packets are compared in test_call_files.py."""
    dialogs = {dialog['call_id']: dialog for dialog in TRUTH[name]['sip_dialogs'] if dialog['is_call']}
    _, console = watched(programs, console_of, shared_captures() / name, set(dialogs))
    expected = {call_id: state_by_tshark(dialog) for call_id, dialog in dialogs.items()}

    def told():
        return {leg.call_id: leg.state for call in list(console.best.values()) for leg in call.legs}
    try:
        wait_until(lambda: told() == expected, 10, '')
    except TooLate:
        assert told() == expected


@NEEDS_SHARED
@pytest.mark.parametrize('name, codec', [('sip-rtp-g722.pcap', 'g722'), ('sip-rtp-g729.pcap', 'g729'),
                                         ('sip-rtp-opus.pcap', 'opus')])
def test_streams_are_told_with_their_packets_codec_and_quality(programs, console_of, name, codec):
    dialogs = {dialog['call_id'] for dialog in TRUTH[name]['sip_dialogs'] if dialog['is_call']}
    _, console = watched(programs, console_of, shared_captures() / name, dialogs)
    expected = {int(stream['ssrc'], 16): stream for stream in TRUTH[name]['rtp_streams'] if stream['call_ids']}

    def streams():
        return {stream.ssrc: stream for call in console.best.values() for stream in call.streams}
    wait_until(lambda: {ssrc: s.packets for ssrc, s in streams().items()} ==
               {ssrc: s['packets'] for ssrc, s in expected.items()}, 10, 'all packets of the streams')
    for ssrc, stream in streams().items():
        assert stream.codec.lower() == codec
        assert not stream.gaps_in_capture
        assert stream.start_time_ns == expected[ssrc]['first_ns'] and stream.last_seen_ns == expected[ssrc]['last_ns']
        assert 0 < stream.max_jitter_ms < 100
        assert 1 <= stream.mos <= 4.5


def test_a_call_whose_media_passes_another_hunter_is_one_call_with_the_streams_of_both(programs, console_of, tmp_path):
    packets = list(capture_file.read(CALL))
    for name, wanted in (('sip', True), ('rtp', False)):
        capture_file.write_pcap(tmp_path / f'{name}.pcap', [p for p in packets if (b'SIP/2.0' in p.data) == wanted and
                                                            (wanted or len(p.data) == 214)])
    processor = programs.processord()
    console = console_of(processor)
    signalling = list(capture_file.read(tmp_path / 'sip.pcap'))
    # Without the BYE: the other hunter's file is read after this one.
    capture_file.write_pcap(tmp_path / 'sip.pcap', [p for p in signalling if b'BYE' not in p.data])
    assert programs.hunterd(processor, hunter_id='signalling', interface=tmp_path / 'sip.pcap').wait() == 0
    assert programs.hunterd(processor, hunter_id='media', interface=tmp_path / 'rtp.pcap').wait() == 0
    media = sum(len(p.data) == 214 for p in packets)

    def complete():
        calls = list(console.calls.values())
        return len(calls) == 1 and sum(stream.packets for stream in calls[0].streams) == media
    wait_until(complete, 20, 'one call with all of its media')
    (call,) = console.calls.values()
    assert {leg.hunter_id for leg in call.legs} == {'signalling'}
    assert {stream.hunter_id for stream in call.streams} == {'media'}
    assert call.state == 'active'


def messages_by_tshark(capture):
    """(time, source, destination, method, status, CSeq, has SDP) of each SIP message."""
    fields = ['frame.time_epoch', 'ip.src', 'udp.srcport', 'ip.dst', 'udp.dstport', 'sip.CSeq.method', 'sip.Status-Code',
              'sip.CSeq.seq', 'sdp.version']
    lines = subprocess.run(['tshark', '-n', '-r', capture, '-Y', 'sip', '-T', 'fields', *(f'-e{name}' for name in fields)],
                           capture_output=True, text=True, check=True).stdout.splitlines()
    for line in lines:
        time, source, source_port, destination, port, method, status, cseq, sdp = line.split('\t')
        yield (int(time.replace('.', '')), f'{source}:{source_port}', f'{destination}:{port}', method, int(status or 0),
               int(cseq), bool(sdp))


def test_the_ladder_of_a_call_has_the_messages_that_tshark_lists(programs, console_of):
    processor = programs.processord()
    assert programs.hunterd(processor, interface=CALL).wait() == 0
    console = console_of(processor)
    (call,) = wait_until(lambda: [c for c in list(console.calls.values()) if c.state == 'ended'], 20, 'the call')
    assert not call.messages, 'nobody has asked for them'
    expected = list(messages_by_tshark(CALL))
    answer = next(m for m in expected if m[3:5] == ('INVITE', 200))
    bye = next(m for m in expected if m[3] == 'BYE')
    assert (call.answer_time_ns, call.end_time_ns) == (answer[0], bye[0])
    assert {(s.media, s.mean_jitter_ms <= s.max_jitter_ms) for s in call.streams} == {('audio', True)}

    assert not console_of(processor, call_ids=['another'], with_messages=True).calls
    (shown,) = console_of(processor, call_ids=[call.correlation_id], with_messages=True).calls.values()
    assert [(m.time_ns, m.source, m.destination, m.method, m.response_code, m.cseq, m.has_sdp)
            for m in shown.messages] == expected
    assert {(m.call_id, m.hunter_id, m.retransmission) for m in shown.messages} == \
        {(call.legs[0].call_id, 'hunter-1', False)}
    assert not shown.messages_omitted


def test_a_console_that_comes_later_gets_the_calls_in_progress(programs, console_of, tmp_path):
    processor = programs.processord()
    assert programs.hunterd(processor, interface=CALL).wait() == 0
    console = console_of(processor)
    assert console.kinds[0] == BEGIN
    (call,) = console.calls.values()
    assert call.state == 'ended' and len(call.streams) == 2
    assert processor.stop() == 0
    wait_until(lambda: getattr(console, 'ended_with', None) == grpc.StatusCode.UNAVAILABLE, 10, 'the stream ends')
