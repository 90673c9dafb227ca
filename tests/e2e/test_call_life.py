"""The lives of calls, each by name: the right state at each step, the right end, and the right packets in its file.

Each test draws a ladder, with a call beside it and what is nobody's between its packets, and marks what consoles are to be
told there. tapd reads it as a capture file; a processord gets it act by act (support/call_judge.py). Real calls of most of
these kinds are in test_calls.py and test_call_files.py.
"""
import pytest
from support.call_judge import CallJudge
from support.sip_text import Ladder, Phone, TcpLine

ANNA, BORIS, CLARA = (Phone(name, f'192.0.2.{n}') for n, name in enumerate(('anna', 'boris', 'clara'), 11))
PROXY = '192.0.2.5'


@pytest.fixture
def ladder():
    return Ladder()


@pytest.fixture
def judge(programs, console_of, tmp_path):
    return CallJudge(programs, console_of, tmp_path).judge


@pytest.fixture
def call(ladder):
    return ladder.dialog('the-call', ANNA, BORIS)


def test_a_call_is_told_step_by_step_and_ends_with_its_bye(ladder, call, judge):
    call.invite()
    ladder.told(call, 'trying', 0, 'INVITE')
    call.answer(100)
    ladder.told(call, 'trying', 100)
    call.answer(180)
    ladder.told(call, 'ringing', 180)
    call.answer(200)
    ladder.told(call, 'active', 200, 'INVITE')
    call.ack()
    call.talk()
    ladder.told(call, 'active', 200, 'ACK')
    call.bye(by=BORIS)
    ladder.told(call, 'ended', 200, 'BYE')
    call.answer(200)
    call.talk(2)  # what was on its way
    judge(ladder)


def test_a_call_without_bye_ends_after_five_minutes_of_silence_and_not_before(ladder, call, judge):
    call.answered()
    call.talk()
    ladder.pass_time(290)
    call.rtp(ANNA)  # one-way media keeps it
    ladder.pass_time(290)
    call.rtp(BORIS)
    ladder.told(call, 'active')
    ladder.pass_time(302)
    ladder.told(call, None)
    ladder.stray(call.media[ANNA], call.media[BORIS])
    judge(ladder)


def test_a_cancelled_call_ends_as_cancelled_with_its_487(ladder, call, judge):
    call.invite()
    call.answer(180)
    cancel = call.cancel()
    ladder.told(call, 'cancelled', 180, 'CANCEL')
    call.answer(200, cancel)
    ladder.told(call, 'cancelled', 200)
    call.answer(487, call.last_invite)
    call.ack(answered=False)
    ladder.told(call, 'cancelled', 487, 'ACK')
    judge(ladder)


def test_a_call_that_is_answered_while_it_is_cancelled_is_a_call_until_its_bye(ladder, call, judge):
    invite = call.invite()
    call.answer(180)
    cancel = call.cancel()
    call.answer(200, invite)
    call.answer(200, cancel)
    call.ack()
    call.talk()
    ladder.pass_time(10)
    call.talk()
    ladder.told(call, 'active', 200, 'ACK')
    call.ended()
    judge(ladder)


@pytest.mark.parametrize('status', [404, 408, 486, 503, 603])
def test_a_call_that_is_refused_has_failed_with_that_status(ladder, call, judge, status):
    call.invite()
    call.answer(100)
    call.answer(status)
    call.ack(answered=False)
    ladder.told(call, 'failed', status, 'ACK')
    ladder.again(age=2)  # both came too late for the other side's timer
    ladder.again(age=2)
    ladder.told(call, 'failed', status, 'ACK')
    judge(ladder)


@pytest.mark.parametrize('status', [401, 407])
def test_a_call_that_is_challenged_goes_on_with_credentials(ladder, call, judge, status):
    call.invite()
    call.answer(status, WWW_Authenticate='Digest realm="example.org", nonce="1"')
    call.ack(answered=False)
    ladder.pass_time(2)
    call.invite(Authorization='Digest username="anna", realm="example.org", nonce="1"')
    ladder.told(call, 'trying')
    call.answer(180)
    ladder.told(call, 'ringing', 180)
    call.answer(200)
    call.ack()
    ladder.pass_time(10)
    call.talk()
    ladder.told(call, 'active', 200)
    call.ended()
    judge(ladder)


def test_a_call_that_two_phones_answer_lasts_until_both_have_their_bye(ladder, call, judge):
    invite = call.invite()
    other = call.fork(CLARA)
    call.answer(183)
    call.talk()
    other.answer(183, invite)
    other.talk()
    ladder.told(call, 'ringing', 183)
    call.answer(200, invite)
    call.ack()
    other.answer(200, invite)
    call.talk()
    other.talk()
    ladder.told(call, 'active', 200)
    other.bye(ANNA)
    other.answer(200)
    ladder.pass_time(10)
    call.talk()
    ladder.told(call, 'active', 200, 'BYE')
    call.ended(by=BORIS)
    judge(ladder)


def test_a_forked_call_rings_on_at_one_phone_when_another_declines(ladder, call, judge):
    """As seen at the proxy, which has three transactions: the caller's, and one for each phone."""
    above = ladder.dialog(call.call_id, ANNA, Phone('boris', PROXY))
    one, other = (call.fork(phone, proxy=PROXY) for phone in (BORIS, CLARA))
    invite = above.invite()
    one.invite()
    other.invite()
    one.answer(180)
    other.answer(180)
    one.answer(486)
    one.ack(answered=False)
    ladder.told(call, 'ringing', 486)
    ladder.pass_time(20)
    other.answer(200)
    above.tags[above.callee] = other.tags[CLARA]
    above.answer(200, invite, body=other.sdp(CLARA))
    other.ack()
    other.talk()
    ladder.told(call, 'active', 200, 'ACK')
    other.ended()
    ladder.told(call, 'ended', 200, 'BYE')
    judge(ladder)


def test_a_call_that_a_proxy_tries_at_one_phone_after_the_other_is_one_call(ladder, call, judge):
    above = ladder.dialog(call.call_id, ANNA, Phone('boris', PROXY))
    one, other = (call.fork(phone, proxy=PROXY) for phone in (BORIS, CLARA))
    invite = above.invite()
    one.invite()
    one.answer(180)
    above.answer(180, invite)
    ladder.pass_time(20)
    cancel = one.cancel()
    one.answer(200, cancel)
    one.answer(487, one.last_invite)
    one.ack(answered=False)
    other.invite()
    ladder.told(call, 'ringing')
    other.answer(180)
    ladder.pass_time(20)
    ladder.told(call, 'ringing', 180)
    other.answer(486)
    other.ack(answered=False)
    above.answer(486, invite)
    above.ack(answered=False)
    ladder.told(call, 'failed', 486, 'ACK')
    judge(ladder)


def refer(ladder, call, to, **more):
    call.request('REFER', BORIS, Refer_To=to, **more)
    call.answer(202)
    sipfrag = {'Event': 'refer', 'Content_Type': 'message/sipfrag;version=2.0'}
    call.request('NOTIFY', ANNA, 'SIP/2.0 100 Trying\r\n', Subscription_State='active;expires=60', **sipfrag)
    call.answer(200)

    def outcome():
        call.request('NOTIFY', ANNA, 'SIP/2.0 200 OK\r\n', Subscription_State='terminated;reason=noresource', **sipfrag)
        call.answer(200)
    return outcome


def test_a_call_that_is_transferred_and_the_one_that_it_leads_to_are_two(ladder, call, judge):
    """Unattended (RFC 5589 section 6.1): the transferee's NOTIFY comes long behind the BYE, and is the first call's.
    Another call that was over at the same time is closed by then."""
    call.answered()
    call.talk()
    outcome = refer(ladder, call, f'<sip:clara@{CLARA.address}>')
    ladder.told(call, 'active', 200, 'NOTIFY')
    call.ended(by=BORIS)
    unrelated = ladder.dialog('unrelated', BORIS, CLARA)
    unrelated.invite()
    unrelated.answer(486)
    unrelated.ack(answered=False)
    ladder.told(unrelated, 'failed', 486)
    new = ladder.dialog('new-call', ANNA, CLARA)
    new.media[ANNA] = (ANNA.address, 40_010)
    new.invite(Referred_By='<sip:boris@example.org>')
    new.answer(180)
    ladder.told(new, 'ringing', 180)
    ladder.pass_time(15)
    new.answer(200)
    new.ack()
    ladder.complete(unrelated)
    outcome()
    new.talk()
    ladder.told(call, 'ended', 200, 'NOTIFY')
    ladder.told(new, 'active', 200)
    new.ended()
    judge(ladder)


def test_an_attended_transfer_is_three_calls_with_their_own_media(ladder, call, judge):
    """RFC 5589 section 7.3: BORIS asks CLARA first; the new INVITE replaces that call (RFC 3891)."""
    call.answered()
    call.talk()
    asking = ladder.dialog('consultation', BORIS, CLARA)
    asking.media.update({BORIS: (BORIS.address, 50_010), CLARA: (CLARA.address, 50_020)})
    asking.answered()
    asking.talk()
    ladder.told(asking, 'active', 200)
    tags = f'to-tag={asking.tags[CLARA]};from-tag={asking.tags[BORIS]}'
    outcome = refer(ladder, call, f'<sip:clara@{CLARA.address}?Replaces=consultation%3B{tags.replace(";", "%3B")}>')
    new = ladder.dialog('new-call', ANNA, CLARA)
    new.media.update({ANNA: (ANNA.address, 40_010), CLARA: (CLARA.address, 50_030)})
    new.accepted(Replaces=f'consultation;{tags}')
    asking.ended(by=CLARA)
    outcome()
    new.talk()
    ladder.told(asking, 'ended', 200, 'BYE')
    call.ended(by=BORIS)
    ladder.pass_time(10)
    new.talk()
    ladder.told(new, 'active', 200, 'ACK')
    judge(ladder)


def test_media_moves_with_a_re_invite_and_the_addresses_that_were_left_are_not_followed_for_ever(ladder, call, judge):
    call.answered()
    call.talk()
    left = dict(call.media)
    call.media.update({ANNA: ('192.0.2.31', 42_000), BORIS: ('192.0.2.32', 52_000)})
    call.invite()
    call.answer(100)
    call.talk()
    call.answer(200)
    call.ack()
    call.rtp(ANNA, source=left[ANNA], to=left[BORIS])  # what was on its way
    call.talk()
    ladder.told(call, 'active', 200, 'ACK')
    ladder.pass_time(20)
    ladder.stray(left[ANNA], left[BORIS])
    ladder.stray(left[BORIS], (CLARA.address, 47_000))
    call.talk()
    call.ended()
    judge(ladder)


def test_a_re_invite_that_is_refused_leaves_the_media_where_it_is(ladder, call, judge):
    call.answered()
    call.talk()
    before = dict(call.media)
    call.media[ANNA] = ('192.0.2.31', 42_000)
    call.invite()
    call.answer(488)
    call.ack(answered=False)
    call.media.update(before)
    ladder.told(call, 'active', 488, 'ACK')
    ladder.pass_time(20)
    call.talk()
    call.ended()
    judge(ladder)


@pytest.mark.parametrize('how', ['sendonly', 'inactive', 'zero address'])
def test_a_call_on_hold_keeps_its_addresses_until_it_is_resumed(ladder, call, judge, how):
    call.answered()
    call.talk()
    held = call.sdp(ANNA, connection='0.0.0.0') if how == 'zero address' else call.sdp(ANNA, f'a={how}')
    call.accepted(body=held)
    ladder.told(call, 'active', 200, 'ACK')
    ladder.pass_time(60)
    call.rtp(ANNA, 3)  # music
    ladder.pass_time(60)
    call.accepted()
    call.talk()
    ladder.told(call, 'active', 200, 'ACK')
    call.ended()
    judge(ladder)


def test_a_fax_is_the_call_s_when_a_re_invite_turns_its_audio_into_t38(ladder, call, judge):
    call.answered()
    call.talk()
    call.media[BORIS] = (BORIS.address, 51_000)
    call.invite(by=BORIS, body=call.fax(BORIS))
    call.answer(200, body=call.fax(ANNA))
    call.ack()
    ladder.told(call, 'active', 200, 'ACK')
    call.udptl(BORIS, 3)
    call.udptl(ANNA, 2)
    ladder.pass_time(20)
    call.udptl(BORIS, 3)
    ladder.stray(call.media[BORIS][:1] + (51_002,), call.media[ANNA][:1] + (40_002,), b'\0\1\1\0\0\0')
    call.ended()
    judge(ladder)


def test_repeated_messages_change_nothing_and_are_the_call_s(ladder, call, judge):
    call.invite()
    for _ in range(3):
        ladder.again()
    call.answer(100)
    call.answer(180)
    ladder.told(call, 'ringing', 180)
    call.answer(200)
    ladder.again(age=4)  # the INVITE
    ladder.told(call, 'active', 200)
    ladder.again(age=2)  # the answer
    call.talk()
    ladder.told(call, 'active', 200)
    call.ack()
    ladder.pass_time(10)
    call.talk()
    call.bye()
    for seconds in (0.5, 1, 2, 4, 4):  # RFC 3261 section 17.1.2.2
        ladder.pass_time(seconds)
        ladder.again()
    ladder.told(call, 'ended', 200, 'BYE')
    call.answer(200)
    ladder.again()
    ladder.told(call, 'ended', 200, 'BYE')
    judge(ladder)


def test_two_byes_that_cross_end_one_call_once(ladder, call, judge):
    call.answered()
    call.talk()
    one = call.bye(ANNA)
    other = call.bye(BORIS)
    ladder.told(call, 'ended', 200, 'BYE')
    call.answer(200, one)
    call.answer(200, other)
    ladder.told(call, 'ended', 200, 'BYE')
    judge(ladder)


def test_early_media_that_is_never_answered_is_the_call_s_until_it_is_cancelled(ladder, call, judge):
    call.invite()
    call.answer(183)
    call.talk()
    ladder.told(call, 'ringing', 183)
    ladder.pass_time(60)
    call.rtp(BORIS, 3)
    ladder.told(call, 'ringing', 183)
    cancel = call.cancel()
    call.answer(200, cancel)
    call.answer(487, call.last_invite)
    call.ack(answered=False)
    call.rtp(BORIS)
    ladder.told(call, 'cancelled', 487, 'ACK')
    judge(ladder)


def test_early_media_that_just_stops_ends_after_five_minutes(ladder, call, judge):
    call.invite()
    call.answer(183)
    call.talk()
    ladder.told(call, 'ringing', 183)
    ladder.pass_time(302)
    ladder.told(call, None)
    judge(ladder)


@pytest.mark.parametrize('cut', [None, 100], ids=['whole', 'in segments'])
def test_calls_that_share_a_tcp_connection_live_as_those_in_udp_do(ladder, judge, cut):
    line = TcpLine(ANNA.address, BORIS.address, cut)
    one, other = (ladder.dialog(call_id, ANNA, BORIS, tcp=line) for call_id in ('first', 'second'))
    other.media = {ANNA: (ANNA.address, 40_100), BORIS: (BORIS.address, 50_100)}
    one.answered()
    other.invite()
    one.talk()
    ladder.told(one, 'active', 200, 'ACK')
    ladder.told(other, 'trying')
    other.answer(486)
    other.ack(answered=False)
    ladder.told(other, 'failed', 486, 'ACK')
    ladder.pass_time(10)
    one.talk()
    one.ended()
    judge(ladder)
