"""common/sip against tshark: the same SIP messages, who takes part in them and the same media, in every real capture.

Two judges: a live run of tshark, message by message, and truth.json, dialog by dialog, which also knows the frames that
carry each message. sip_dump (tests/support) shows what the readers here find through tunnels, fragments and streams.

Where they mean something else, DEVIATIONS and the comments that begin with DEVIATION say so with the reason.
"""
import json
import re
import subprocess

import pytest
from conftest import NEEDS_SHARED, shared_captures, truth

SHARED = shared_captures()
TRUTH = truth()
CAPTURES = sorted(path.name for path in SHARED.glob('*.pcap*')) if SHARED else []
WITH_DIALOGS = [name for name in CAPTURES if TRUTH.get(name, {}).get('sip_messages')]

NO_PAYLOAD_TYPE = 255
# Frames whose SIP messages only one side sees.
NO_CALL_ID = {20, 107, 169, 252, 260, 421, 430, 453, 578, 602, 622, 648}
CALL_ID_WITHOUT_LINE_END = {144}
LONE_CR_BEHIND_START_LINE = {247}  # which tshark takes for a line end
ZERO_BYTE_IN_REASON = {108, 348}  # where tshark's line ends, so that it takes the datagram for data
# tshark names the frame of a user message's last chunk only.
EARLIER_CHUNKS = {'sip-sctp-isup-sll.pcap': {1}}
DEVIATIONS = {  # capture: (only tshark, only here)
    'bad-sip-fuzzed-big-endian.pcap': (NO_CALL_ID | CALL_ID_WITHOUT_LINE_END | LONE_CR_BEHIND_START_LINE,
                                       ZERO_BYTE_IN_REASON),
}
# Of the fuzzer's capture: (frame, field) whose bytes are damaged so that neither reading is better.
DAMAGED = {
    (31, 'from_uri'): 'no colon behind the scheme',
    (155, 'cseq_method'): 'the number is no number',
    (227, 'cseq_method'): 'a byte in it that no method has',
    (249, 'from_user'): 'the scheme is no known one: any scheme with an @ has a user here',
    (264, 'from_uri'): 'the bracket closes behind the scheme',
    (266, 'to_user'): 'the scheme is no known one',
    (325, 'media'): 'an address that is none is not kept here',
    (432, 'to_uri'): 'its line has no end: it is not read here',
    (432, 'to_user'): 'the same',
    (432, 'to_tag'): 'the same',
    (539, 'from_user'): 'the scheme is no known one',
    (550, 'from_uri'): 'a quote that never closes, in front of a whole URI',
    (550, 'from_user'): 'the same',
    (640, 'from_uri'): 'the opening bracket is another letter',
    (640, 'from_user'): 'the same',
    (548, 'version'): 'the number is no number',
    **{(frame, field): 'the Via is not of SIP/2.0' for frame in (121, 640) for field in ('branch', 'vias')},
    **{(frame, field): 'its line has no end: it is not read here'
       for frame in (253, 349, 550, 581, 603) for field in ('branch', 'vias')},
}


class Tree:
    """One JSON object of tshark's, which repeats keys."""

    def __init__(self, pairs):
        self.pairs = pairs

    def all(self, key):
        """Every value of `key`, at any depth, in order."""
        for name, value in self.pairs:
            if name == key:
                yield value
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, Tree):
                    yield from item.all(key)

    def first(self, key):
        return next((value for value in self.all(key) if isinstance(value, str)), '')


def judged(path):
    """tshark's SIP messages: (frame, message), in order."""
    rules = json.loads((SHARED / 'decode-as.json').read_text(encoding='utf-8')).get(path.name, [])
    command = ['tshark', '-n', '-r', str(path), '-Y', 'sip', '-T', 'json', '-J', 'frame sip']
    for rule in rules:
        command += ['-d', rule]
    # Its exit status tells of damaged files; what matters here is the packets it read before.
    out = subprocess.run(command, capture_output=True, check=False).stdout.decode('utf-8', 'replace')
    found = []
    for packet in json.loads(out or '[]', object_pairs_hook=Tree, strict=False):
        layers = next(packet.all('layers'))
        frame = int(layers.first('frame.number'))
        found += [(frame, judged_message(sip)) for name, sip in layers.pairs if name == 'sip' and isinstance(sip, Tree)]
    return found


def judged_message(sip):
    return {'method': sip.first('sip.Method'), 'status': sip.first('sip.Status-Code'),
            'call_id': sip.first('sip.Call-ID'), 'request_uri': sip.first('sip.r-uri'),
            'cseq_method': sip.first('sip.CSeq.method'),
            'from_tag': sip.first('sip.from.tag'), 'to_tag': sip.first('sip.to.tag'),
            'branch': sip.first('sip.Via.branch'), 'vias': str(len(list(sip.all('sip.Via.transport')))),
            'session': f"{sip.first('sdp.owner.username')} {sip.first('sdp.owner.sessionid')}".strip(),
            'version': re.sub('^0+(?=.)', '', sip.first('sdp.owner.version')),
            'from_uri': sip.first('sip.from.addr'), 'from_user': sip.first('sip.from.user'),
            'to_uri': sip.first('sip.to.addr'), 'to_user': sip.first('sip.to.user'),
            'media': [media for body in sip.all('sdp') if isinstance(body, Tree) for media in judged_media(body)]}


def judged_media(body):
    """Of one session description: kind, address, port, protocol, payload types with their rtpmap names."""
    session, found = '', []
    for name, value in body.pairs:
        if name == 'sdp.connection_info_tree':
            address = value.first('sdp.connection_info.address')
            if found:
                found[-1]['address'] = address
            else:
                session = address
        elif name == 'sdp.media':
            kind, port, protocol, *formats = value.split()
            found.append({'kind': kind, 'address': session, 'port': port_of(port), 'protocol': protocol,
                          'formats': [int(text) for text in formats if text.isdigit() and int(text) < 128],
                          'rtpmap': {}})
        elif name == 'sdp.media_attr' and found:
            match = re.match(r'rtpmap:(\d+)\s+([^/\s]+)', value)
            # DEVIATION: some sender names codecs of payload types that its m= line does not have.
            if match and int(match[1]) in found[-1]['formats']:
                found[-1]['rtpmap'][int(match[1])] = match[2]
    return found


def port_of(text):
    """Without the number of ports; one that is no number means here that nothing flows."""
    port = text.split('/')[0]
    return int(port) if port.isdigit() and int(port) < 65536 else 0


def dumped(path, binaries):
    done = subprocess.run([binaries / 'sip_dump', path], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), f'sip_dump {path}: {done.returncode} {done.stderr}'
    return [json.loads(line) for line in done.stdout.splitlines()]


def plain(text):
    """tshark shows bytes that are no UTF-8 as it pleases, and nothing behind a zero byte."""
    return re.sub(r'[^\x20-\x7e]+', '?', text.split('\0')[0])


def differences(got, want):
    wrong = {}
    for key, value in want.items():
        # DEVIATION: the user of a tel: URI is its number here; tshark gives none.
        if key in ('from_user', 'to_user') and got[key.replace('user', 'uri')].lower().startswith('tel:'):
            assert value == '' and got[key] in got[key.replace('user', 'uri')]
            continue
        if key != 'media' and plain(got[key]) != plain(value):
            wrong[key] = f'tshark {value!r}, here {got[key]!r}'
    media = []
    for one in got['media']:
        named = dict(one['formats'])
        named.pop(NO_PAYLOAD_TYPE, None)  # a format that has a name, as udptl's; tshark gives numbers here
        media.append({key: one[key] for key in ('kind', 'address', 'port', 'protocol')} |
                     {'formats': list(named), 'named': named})
    if len(media) != len(want['media']):
        wrong['media'] = f'tshark {want["media"]}, here {media}'
        return wrong
    for ours, theirs in zip(media, want['media']):
        named = ours.pop('named')
        rtpmap = theirs.pop('rtpmap')
        if ours != theirs or any(named.get(number) != codec for number, codec in rtpmap.items()):
            wrong['media'] = f'tshark {theirs} {rtpmap}, here {ours} {named}'
    return wrong


@NEEDS_SHARED
@pytest.mark.parametrize('name', CAPTURES)
def test_every_sip_message_is_found_and_read_as_tshark_reads_it(name, binaries):
    ours, theirs = dumped(SHARED / name, binaries), judged(SHARED / name)
    by_frame = {}
    for message in ours:
        by_frame.setdefault(max(message['frames']), []).append(message)
    wrong, missing = [], set()
    for frame, want in theirs:
        here = by_frame.get(frame, [])
        if not here:
            missing.add(frame)
            continue
        found = differences(here.pop(0), want)
        if name in DEVIATIONS:
            found = {key: value for key, value in found.items() if (frame, key) not in DAMAGED}
        if found:
            wrong.append(f'frame {frame}: {found}')
    extra = {frame for frame, messages in by_frame.items() if messages}
    only_tshark, only_here = DEVIATIONS.get(name, (set(), set()))
    assert missing == only_tshark, 'only tshark'
    assert extra == only_here, 'only here'
    assert not wrong, f'{len(wrong)} of {len(theirs)} messages\n' + '\n'.join(wrong[:20])


def frames_of(ranges):
    """'4,6,8-11' as a set."""
    ends = [part.split('-') for part in ranges.split(',') if part]
    return {frame for end in ends for frame in range(int(end[0]), int(end[-1]) + 1)}


@NEEDS_SHARED
@pytest.mark.parametrize('name', [name for name in WITH_DIALOGS if name not in DEVIATIONS])
def test_every_dialog_has_the_messages_parties_frames_and_media_of_the_truth(name, binaries):
    dialogs, tokens = {}, {}
    for message in dumped(SHARED / name, binaries):
        dialogs.setdefault(message['call_id'], []).append(message)
        token = message['status'] or message['method']
        tokens[token] = tokens.get(token, 0) + 1
    assert tokens == TRUTH[name]['sip_by_token']
    assert sum(tokens.values()) == TRUTH[name]['sip_messages']
    assert list(dialogs) == [want['call_id'] for want in TRUTH[name]['sip_dialogs']]
    for want in TRUTH[name]['sip_dialogs']:
        messages = dialogs[want['call_id']]
        assert [message['status'] or message['method'] for message in messages] == want['messages']
        first = next((m for m in messages if m['method'] and not m['to_tag']), messages[0])
        for key in ('from_uri', 'to_uri', 'request_uri'):
            assert first[key] == (want[key] or '')
        for key in ('from_user', 'to_user'):
            tel = first[key.replace('user', 'uri')].startswith('tel:')
            assert want[key] is None if tel else first[key] == (want[key] or '')
        assert sorted({message['transport'] for message in messages}) == sorted(want['transports'])
        carriers = frames_of(want['sip_carrier_frames']) | EARLIER_CHUNKS.get(name, set())
        assert {f for message in messages for f in message['frames']} == carriers
        got = {(m['kind'], m['address'], m['port'], m['protocol']) for message in messages for m in message['media']}
        assert got == {(m['media'], m['address'], m['port'], m['proto']) for m in want['sdp_media']}
