"""Calls written as ladders of messages and media: what a test wants to pass, packet by packet, and whose each packet is."""
import collections
import struct
import zlib

from support.capture_file import Packet
from support.frames import TcpConnection, udp_frame

Phone = collections.namedtuple('Phone', 'user address')
Asked = collections.namedtuple('Asked', 'method cseq branch by')  # a request that can be answered

COMPLETE = 'complete'
BEGIN_NS = 1_700_000_000 * 10**9
MILLISECOND = 10**6
REASONS = {100: 'Trying', 180: 'Ringing', 183: 'Session Progress', 200: 'OK', 202: 'Accepted', 401: 'Unauthorized',
           404: 'Not Found', 407: 'Proxy Authentication Required', 408: 'Request Timeout', 486: 'Busy Here',
           487: 'Request Terminated', 488: 'Not Acceptable Here', 503: 'Service Unavailable', 603: 'Decline'}


def message(first_line, headers, body=''):
    """Header values may be bytes, which no SIP text would allow."""
    kind = {'Content-Type': 'application/sdp'} if body.startswith('v=') else {}
    lines = {**headers, **kind, 'Content-Length': len(body)}
    head = b''.join(name.encode() + b': ' + (value if isinstance(value, bytes) else str(value).encode()) + b'\r\n'
                    for name, value in lines.items())
    return first_line.encode() + b'\r\n' + head + b'\r\n' + body.encode()


class Ladder:
    """Packets in the order in which they pass. `owners` has the Call-IDs that each belongs to; behind each packet of a
    call one of `bystander` passes, and one of nobody."""

    def __init__(self):
        self.packets, self.owners = [], []
        self.marks = []  # (how many packets have passed, what is to be told then)
        self.now_ns = BEGIN_NS
        self._quietly = True  # without those beside
        self.bystander = Dialog(self, 'bystander', Phone('karl', '192.0.2.51'), Phone('lisa', '192.0.2.52'))
        self.bystander.answered()
        self._quietly = False

    def dialog(self, call_id, caller, callee, **more):
        return Dialog(self, call_id, caller, callee, **more)

    def add(self, frame, *call_ids):
        self.now_ns += 10 * MILLISECOND
        self.packets.append(Packet(self.now_ns, 1, len(frame), frame))
        self.owners.append(set(call_ids))
        if not self._quietly and call_ids:
            self._quietly = True
            self.bystander.rtp(self.bystander.caller)
            self.stray(('192.0.2.1', 7), ('192.0.2.2', 9), b'of no call')
            self._quietly = False

    def stray(self, source, destination, payload=None):
        """What is nobody's: RTP of a stream of its own where nothing else is said."""
        self.add(udp_frame(source, destination, payload or rtp(0xbad, len(self.packets))))

    def again(self, age=1):
        """The frame passes once more: the last one that was a call's, or one before it."""
        theirs = [n for n, owners in enumerate(self.owners) if owners and owners != {self.bystander.call_id}]
        self.add(self.packets[theirs[-age]].data, *self.owners[theirs[-age]])

    def pass_time(self, seconds):
        """Only the bystander speaks meanwhile."""
        end_ns = self.now_ns + int(seconds * 10**9)
        while self.now_ns < end_ns:
            self.now_ns = min(end_ns, self.now_ns + 10 * 10**9)
            self._quietly = True
            self.bystander.rtp(self.bystander.caller)
            self._quietly = False

    def told(self, dialog, state, status=None, method=None):
        """A mark: by now consoles are told this of the call. `state` None: that it is no more."""
        self.marks.append((len(self.packets), dialog.call_id, state, status, method))

    def complete(self, dialog):
        """A mark: by now the call's file is closed."""
        self.marks.append((len(self.packets), dialog.call_id, COMPLETE, None, None))

    def outcomes(self):
        """How each call that has a mark ends up."""
        return {call_id: state for _, call_id, state, _, _ in self.marks if state != COMPLETE}

    def of(self, call_id):
        return [packet for packet, owners in zip(self.packets, self.owners) if call_id in owners]

    def call_ids(self):
        return set().union(*self.owners)


def rtp(ssrc, sequence):
    return struct.pack('>BBHII', 0x80, 0, sequence & 0xffff, 160 * sequence & 0xffff_ffff, ssrc) + b'\xd5' * 160


class Dialog:
    """Two phones and one Call-ID. Messages go straight between them by UDP, or by way of `proxy`, of which then only
    the callee's side is seen; or over a TCP connection. What a phone announces is in `media`, by phone."""

    def __init__(self, ladder, call_id, caller, callee, proxy=None, tcp=None):
        self.ladder, self.call_id, self.caller, self.callee = ladder, call_id, caller, callee
        self.tags = {caller: f'{caller.user}-{call_id}', callee: f'{callee.user}-{call_id}'}
        self.media = {caller: (caller.address, 40_000), callee: (callee.address, 50_000)}
        self._proxy, self._tcp = proxy, tcp
        self._cseq = {caller: 0, callee: 100}
        self._sequence = collections.Counter()
        self._sessions = {}  # by phone: version, text
        self.last_invite = self._asked = None
        self._is_answered = False

    def fork(self, callee, proxy=None):
        """Another branch of the call, to another phone: of the same INVITE, or by way of `proxy` with one of its own."""
        branch = Dialog(self.ladder, self.call_id, self.caller, callee, proxy)
        if not proxy:
            branch.last_invite = self.last_invite
            branch._cseq[self.caller] = self._cseq[self.caller]
            branch._sessions = self._sessions
        return branch

    # Requests. The caller's, unless `by` says otherwise.

    def invite(self, by=None, body=None, **more):
        by = by or self.caller
        offer = self.sdp(by) if body is None else body
        self.last_invite = self.request('INVITE', by, offer, in_dialog=self._is_answered, **more)
        return self.last_invite

    def ack(self, answered=True):
        """Of an answer; of a failure where `answered` is False (RFC 3261 section 17.1.1.3)."""
        asked = self.last_invite
        self._send(asked.by, 'ACK', asked.cseq, self._branch('ACK', asked.cseq) if answered else asked.branch, '', True)

    def cancel(self):
        """RFC 3261 section 9.1: the branch and the number of the INVITE."""
        asked = self.last_invite
        self._asked = Asked('CANCEL', asked.cseq, asked.branch, asked.by)
        self._send(asked.by, 'CANCEL', asked.cseq, asked.branch, '', False)
        return self._asked

    def bye(self, by=None):
        return self.request('BYE', by)

    def request(self, method, by=None, body='', in_dialog=True, **headers):
        by = by or self.caller
        self._cseq[by] += 1
        self._asked = Asked(method, self._cseq[by], self._branch(method, self._cseq[by]), by)
        self._send(by, method, self._asked.cseq, self._asked.branch, body, in_dialog, headers)
        return self._asked

    def answer(self, status, asked=None, body=None, **headers):
        """To the last request, or to another one; with a session where an INVITE usually gets one."""
        asked = asked or self._asked
        by = self.callee if asked.by == self.caller else self.caller
        if body is None:
            body = self.sdp(by) if asked.method == 'INVITE' and (status == 183 or status // 100 == 2) else ''
        if asked.method == 'INVITE' and status // 100 == 2:
            self._is_answered = True
        self._put(by, message(f'SIP/2.0 {status} {REASONS[status]}',
                              self._headers(asked.by, asked.method, asked.cseq, asked.branch, status != 100, headers), body))

    # Several of them.

    def answered(self):
        self.invite()
        self.answer(100)
        self.answer(180)
        self.answer(200)
        self.ack()

    def accepted(self, **invite):
        """An INVITE, the first or a later one, and at once its answer."""
        self.invite(**invite)
        self.answer(200)
        self.ack()

    def ended(self, by=None):
        """With a mark."""
        self.bye(by)
        self.answer(200)
        self.ladder.told(self, 'ended', 200, 'BYE')

    # Sessions and media.

    def sdp(self, by, *more, connection=None):
        """Audio where the phone has its media, and whole lines. `connection`: the address in c=, where that is another."""
        return self._session(by, connection or self.media[by][0], f'm=audio {self.media[by][1]} RTP/AVP 0', *more)

    def fax(self, by):
        """T.38 in place of the audio (ITU-T T.38 annex D)."""
        return self._session(by, self.media[by][0], 'm=audio 0 RTP/AVP 0', f'm=image {self.media[by][1]} udptl t38',
                             'a=T38FaxVersion:0')

    def _session(self, by, address, *lines):
        """The version in o= rises with each change, and nothing else in it changes (RFC 3264 section 8)."""
        session = '\r\n'.join(['s=-', f'c=IN IP4 {address}', 't=0 0', *lines, ''])
        version, before = self._sessions.get(by, (0, None))
        if session != before:
            version += 1
            self._sessions[by] = version, session
        origin = f'{by.user} {zlib.crc32(self.call_id.encode())} {version} IN IP4 {by.address}'
        return f'v=0\r\no={origin}\r\n{session}'

    def rtp(self, by, count=1, to=None, source=None):
        """From where the phone has announced itself to where the other one has."""
        other = self.callee if by == self.caller else self.caller
        ssrc = zlib.crc32(f'{self.call_id} {by.user}'.encode())
        for _ in range(count):
            self._sequence[by] += 1
            self._media(source or self.media[by], to or self.media[other], rtp(ssrc, self._sequence[by]))

    def talk(self, count=4):
        for _ in range(count):
            self.rtp(self.caller)
            self.rtp(self.callee)

    def udptl(self, by, count=1):
        """T.38: a sequence number, an indicator (no signal), no earlier packets (ITU-T T.38 section 9)."""
        other = self.callee if by == self.caller else self.caller
        for _ in range(count):
            self._sequence[by, 'fax'] += 1
            self._media(self.media[by], self.media[other],
                        struct.pack('>HBBBB', self._sequence[by, 'fax'], 1, 0, 0, 0))

    def _media(self, source, destination, payload):
        self.ladder.add(udp_frame(source, destination, payload), self.call_id)

    # How it is written.

    def _branch(self, method, cseq):
        return f'z9hG4bK{method}{cseq}{self.call_id}{self.callee.user if self._proxy else ""}'

    def _headers(self, asked_by, method, cseq, branch, in_dialog, more):
        to = self.callee if asked_by == self.caller else self.caller
        transport = 'TCP' if self._tcp else 'UDP'
        via = f'SIP/2.0/{transport} {asked_by.address};branch={branch}'
        if self._proxy:
            via = f'SIP/2.0/UDP {self._proxy};branch={branch}, SIP/2.0/UDP {asked_by.address};branch={branch}-above'
        return {'Via': via, 'Max-Forwards': 70, 'From': f'<sip:{asked_by.user}@example.org>;tag={self.tags[asked_by]}',
                'To': f'<sip:{to.user}@example.org>' + (f';tag={self.tags[to]}' if in_dialog else ''),
                'Call-ID': self.call_id, 'CSeq': f'{cseq} {method}',
                'Contact': f'<sip:{asked_by.user}@{asked_by.address}>',
                **{name.replace('_', '-'): value for name, value in more.items()}}

    def _send(self, by, method, cseq, branch, body, in_dialog, more=()):
        to = self.callee if by == self.caller else self.caller
        self._put(by, message(f'{method} sip:{to.user}@{to.address} SIP/2.0',
                              self._headers(by, method, cseq, branch, in_dialog, dict(more)), body))

    def _put(self, by, text):
        if self._tcp:
            self._tcp.send(self.ladder, by.address, text, self.call_id)
            return
        here, there = (self._proxy or self.caller.address, 5060), (self.callee.address, 5060)
        self.ladder.add(udp_frame(*((here, there) if by == self.caller else (there, here)), text), self.call_id)


class TcpLine:
    """A TCP connection that carries the messages of one call or several; `cut`: into segments of so many bytes."""

    def __init__(self, client, server, cut=None):
        self._connection = TcpConnection((client, 45_060), (server, 5060))
        self._client, self._cut = client, cut

    def send(self, ladder, sender, text, *call_ids):
        size = self._cut or len(text)
        for at in range(0, len(text), size):
            ladder.add(self._connection.frame(sender == self._client, text[at:at + size]), *call_ids)
