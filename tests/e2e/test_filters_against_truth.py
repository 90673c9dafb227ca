"""What a selector forwards for a filter, against what tshark says of each call of each real capture.

The matcher runs in a program of its own (tests/support/select_dump.cpp) that reads a capture once for each filter: the
same Selector that hunterd's capture threads use. Each call is named by a filter of each SIP type. A filter must give the
whole of every call that it names, signalling with all segments and fragments and media by the SDP of both sides, and
nothing else; what is forwarded beyond tshark's list is written down here, packet by packet, with its reason.
"""
import collections
import json
import subprocess

import pytest
from conftest import NEEDS_SHARED, shared_captures, truth

SHARED = shared_captures()
TRUTH = truth()
CAPTURES = [name for name, entry in TRUTH.items() if entry.get('sip_dialogs')]
# Changed at random places, so that Call-IDs and addresses change within a call; judged by the fuzzers, not here.
CAPTURES = [name for name in CAPTURES if name != 'bad-sip-fuzzed-big-endian.pcap']

SIP_USER, PHONE_NUMBER, CALL_ID, CODEC, SIP_URI = 0, 1, 3, 4, 6

# Sent to or from an address that the call's SDP names, so it is forwarded with the call although tshark does not tie it
# to the call: nothing else can have used that address meanwhile.
JUNK = 'sipp sends one datagram from its media port to the wrong host (RTP version 3, says tshark)'
ZRTP = 'ZRTP, and SRTCP that only ZRTP announced, on the RTP ports: the keys of the call'
CHUNK = 'the first SCTP chunk of the INVITE; tshark names the frame of the last one'
BEYOND = {
    ('sip-rtp-g722.pcap', '1-2161@10.0.2.20'): ({431}, JUNK),
    ('sip-rtp-g729.pcap', '1-24411@10.0.2.20'): ({431}, JUNK),
    ('sip-rtp-opus.pcap', '1-4237@10.0.2.20'): ({431}, JUNK),
    ('sip-rtp-pcmu-pcma-two-calls.pcap', '1-1966@10.0.2.20'): ({431}, JUNK),
    ('sip-sctp-isup-sll.pcap', '717B2539AD2002C9152DC497@0870ffffffff'): ({1}, CHUNK),
}
ZRTP_CALL = ('sip-zrtp-reinvite-asterisk.pcap', 'ZDYzOWVlNjEwM2NjZTBjNzliNmM1ZTNiOGZjNWFhN2E.')
# Before these frames the REGISTERs were silent for more than five minutes, and then are another user's: no call any more.
SILENT = {'sip-auth-407-failures-in-lan-mix.pcap': ('voi18063', {421, 422, 430, 432, 441, 442, 453, 454})}
T38_CALL = ('sip-b2bua-t38-fax-megaco.pcap', '00e9d4a500e9d48-0015-0001-0000-0000@10.35.40.25')

pytestmark = NEEDS_SHARED


def frames_of(ranges):
    frames = set()
    for part in (ranges or '').split(','):
        if part:
            first, _, last = part.partition('-')
            frames.update(range(int(first), int(last or first) + 1))
    return frames


def tshark_frames(name, expression):
    rules = json.loads((SHARED / 'decode-as.json').read_text()).get(name, [])
    command = ['tshark', '-r', SHARED / name, '-Y', expression, '-T', 'fields', '-e', 'frame.number']
    listing = subprocess.run(command + [part for rule in rules for part in ('-d', rule)],
                             capture_output=True, text=True, check=True)
    return {int(line) for line in listing.stdout.split()}


def expected(name, dialog):
    """Frames of one dialog: what tshark ties to it, media that its own SDP names, and what is written down above."""
    frames = frames_of(dialog['frames']) | frames_of(dialog['sip_carrier_frames'])
    for stream in dialog['rtp_streams_by_sdp']:
        frames |= frames_of(TRUTH[name]['rtp_streams'][stream]['frames'])
    key = (name, dialog['call_id'])
    frames |= BEYOND.get(key, (set(), ''))[0]
    if key == ZRTP_CALL:
        frames |= tshark_frames(name, 'zrtp or srtcp')
    if key == T38_CALL:  # tshark ties five of them to the dialog, and counts the rest: t38_packets_by_sdp
        t38 = tshark_frames(name, 't38 and udp.port == 16756 and ip.addr == 10.23.1.52')
        assert len(t38) == dialog['t38_packets_by_sdp']
        frames |= t38
    return frames


def selected(binaries, name, filters):
    """For each list of filters, what is forwarded: {frame: [ids]}."""
    lines = ''.join(json.dumps(one) + '\n' for one in filters)
    run = subprocess.run([binaries / 'select_dump', SHARED / name], input=lines, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(answers) == len(filters)
    for request, answer in zip(filters, answers):
        assert 'error' not in answer, (request, answer)
    return [{int(frame): ids for frame, ids in answer['frames'].items()} for answer in answers]


def literal(text):
    return text.replace('\\', '\\\\').replace('*', '\\*')


def one(kind, pattern, **more):
    return [{'id': 'named', 'type': kind, 'pattern': pattern, **more}]


@pytest.mark.deadline(240)
@pytest.mark.parametrize('name', CAPTURES)
def test_a_call_id_names_exactly_its_call_with_its_media(name, binaries):
    dialogs = TRUTH[name]['sip_dialogs']
    answers = selected(binaries, name, [one(CALL_ID, literal(dialog['call_id'])) for dialog in dialogs])
    for dialog, frames in zip(dialogs, answers):
        want = expected(name, dialog)
        assert set(frames) == want, (dialog['call_id'], 'missing', sorted(want - set(frames))[:20],
                                     'beyond', sorted(set(frames) - want)[:20])
        assert all(ids == ['named'] for ids in frames.values())


def names_of(dialog):
    """Patterns that name this dialog, by type."""
    for uri in {dialog['from_uri'], dialog['to_uri'], dialog['request_uri']} - {None}:
        scheme, _, rest = uri.partition(':')
        address = rest.partition(';')[0].partition('?')[0]
        user, at, host = address.rpartition('@')
        if scheme in ('sip', 'sips') and at and not host.startswith('['):
            yield SIP_URI, f'{literal(user)}@{host.partition(":")[0]}'
    for user in {dialog['from_user'], dialog['to_user']} - {None}:
        yield SIP_USER, literal(user)
        digits = user.lstrip('+')
        if digits.isdigit() and len(digits) >= 3 and not digits.startswith(('00', '011')):
            yield PHONE_NUMBER, user


@pytest.mark.deadline(240)
@pytest.mark.parametrize('name', CAPTURES)
def test_a_filter_of_each_sip_type_gives_whole_calls_and_the_one_it_names(name, binaries):
    dialogs = TRUTH[name]['sip_dialogs']
    looked_at = dialogs if len(dialogs) <= 100 else dialogs[::40]
    wanted = collections.defaultdict(set)  # by filter: Call-IDs that it names
    for dialog in looked_at:
        for kind, pattern in names_of(dialog):
            wanted[kind, pattern].add(dialog['call_id'])
    whole = {dialog['call_id']: expected(name, dialog) for dialog in dialogs}
    messages = {dialog['call_id']: frames_of(dialog['sip_frames']) for dialog in dialogs}
    mentions = {}
    answers = selected(binaries, name, [one(kind, pattern) for kind, pattern in wanted])
    for ((kind, pattern), named), frames in zip(wanted.items(), answers):
        got = set(frames)
        want = set().union(*(whole[call_id] for call_id in named))
        user, frames_of_another = SILENT.get(name, ('', set()))
        if user and pattern.startswith(user):
            want -= frames_of_another
        assert want <= got, ((kind, pattern), 'missing', sorted(want - got)[:20])
        # Others may be named by a header that the truth does not list (Contact), perhaps late.
        name_in_it = pattern.partition('@')[0].lstrip('+')
        if name_in_it not in mentions:
            mentions[name_in_it] = tshark_frames(name, f'sip contains "{name_in_it}"')
        others = {call_id for call_id in set(whole) - named if messages[call_id] & got & mentions[name_in_it]}
        allowed = want.union(*(whole[call_id] for call_id in others))
        assert got <= allowed, ((kind, pattern), 'beyond', sorted(got - allowed)[:20])


@pytest.mark.deadline(240)
@pytest.mark.parametrize('name', CAPTURES)
def test_a_codec_gives_its_calls_from_the_offer_on(name, binaries):
    """What came more than five seconds before the first message that names the codec is gone."""
    dialogs = TRUTH[name]['sip_dialogs']
    first = collections.defaultdict(dict)  # codec: {Call-ID: frame}
    for dialog in dialogs:
        for media in dialog['sdp_media']:
            for codec in media['codecs']:
                if codec.lower() != 'dynamic':
                    calls = first[codec.lower()]
                    calls[dialog['call_id']] = min(media['first_frame'], calls.get(dialog['call_id'], 1 << 30))
    whole = {dialog['call_id']: expected(name, dialog) for dialog in dialogs}
    answers = selected(binaries, name, [one(CODEC, codec) for codec in first])
    signalling = set().union(*(frames_of(dialog['sip_carrier_frames']) for dialog in dialogs))
    for (codec, calls), frames in zip(first.items(), answers):
        surely = {frame for call_id, begin in calls.items() for frame in whole[call_id] if frame >= begin}
        perhaps = set().union(*(whole[call_id] for call_id in calls))
        assert surely <= set(frames), (codec, 'missing', sorted(surely - set(frames))[:20])
        # Beyond its calls there may be RTP of a static payload type that no SDP describes, but no signalling.
        assert set(frames) & signalling <= perhaps, (codec, 'beyond', sorted((set(frames) & signalling) - perhaps)[:20])


@pytest.mark.deadline(120)
@pytest.mark.parametrize('name', CAPTURES)
def test_a_filter_that_names_another_forwards_nothing(name, binaries):
    others = [one(SIP_USER, 'nobody-of-that-name'), one(SIP_URI, 'nobody@nowhere.invalid'),
              one(PHONE_NUMBER, '+4989123456789012'), one(CALL_ID, 'no-such-call@nowhere.invalid'),
              one(CODEC, 'no-such-codec'), one(16, '999999999999999'), one(17, '999999999999999')]
    for request, frames in zip(others, selected(binaries, name, others)):
        assert not frames, request


@pytest.mark.deadline(120)
def test_rtp_headers_only_leaves_no_voice(binaries):
    name = 'sip-rtp-g729.pcap'
    dialog = TRUTH[name]['sip_dialogs'][0]
    line = json.dumps(one(CALL_ID, literal(dialog['call_id']), action=2)) + '\n'
    run = subprocess.run([binaries / 'select_dump', SHARED / name], input=line, capture_output=True, text=True, check=True)
    sizes = {int(frame): size for frame, size in json.loads(run.stdout)['sizes'].items()}
    rtp = set().union(*(frames_of(TRUTH[name]['rtp_streams'][s]['frames']) for s in dialog['rtp_streams_by_sdp']))
    assert rtp and {sizes[frame] for frame in rtp} == {14 + 20 + 8 + 12}
    signalling = frames_of(dialog['sip_frames'])
    assert min(sizes[frame] for frame in signalling) > 54
