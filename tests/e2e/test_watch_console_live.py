"""What happens while the console is open: hunters that come and go, filters, outages, hostile text, roles."""
import re
import signal

import pytest
from conftest import OUR_CAPTURES
from support import capture_file
from support.frames import udp_frame
from support.sip_text import BEGIN_NS, MILLISECOND, message
from support.tree import PATIENCE
from support.waiting import wait_until
from support.watch import columns

CALL = OUR_CAPTURES / 'call-media.pcap'
# How late a machine that also does something else may be with what takes 200 ms at most when it does not.
LOADED = 1.0


def told(update, kind, hunter_id):
    """Whether it is the root's word that this hunter came or went."""
    if not update.HasField(kind):
        return False
    what = getattr(update, kind)
    return (what.hunter.hunter_id if kind == 'hunter_connected' else what.hunter_id) == hunter_id


def test_a_hunter_that_comes_fails_and_leaves_three_levels_down_is_seen_at_once(site, lcwatch):
    console = lcwatch(site.nodes['root'])
    console.do('3', 'edge-1')

    def measure(what, kind, hunter_id, shown):
        site.root.wait_for(lambda u: told(u, kind, hunter_id), what, within=PATIENCE)
        late = console.seen_after(lambda screen: (f'─ {hunter_id} ' in screen) == shown)
        print(f'{what}: on the screen {late * 1000:.0f} ms after the root has told it')
        assert late < LOADED
    failing = site.hunter('edge', 'failing-1', CALL)
    measure('joined', 'hunter_connected', 'failing-1', True)
    failing.kill()
    measure('failed', 'hunter_disconnected', 'failing-1', False)
    leaving = site.hunter('edge', 'leaving-1', CALL)
    measure('joined', 'hunter_connected', 'leaving-1', True)
    leaving.signal(signal.SIGTERM)
    measure('left', 'hunter_disconnected', 'leaving-1', False)
    screen = console.do('6', 'leaving-1 is gone')
    for text in ('hunter failing-1 connected', 'hunter failing-1 is gone', 'hunter leaving-1 connected'):
        assert text in screen


def test_a_filter_of_the_form_is_in_force_two_levels_down_and_its_packets_come(site, lcwatch):
    site.hunter('edge', 'quiet-1', CALL, '--no-filter-policy', 'none')
    console = lcwatch(site.nodes['root'])
    console.do('3', 'quiet-1')
    console.select(' edge ')
    console.do('f', 'Filters of')
    console.do('a', 'New filter of')
    console.write('only-ada')
    console.do('Tab Tab', '> Pattern')
    console.write('ada')
    console.do('Tab Tab', '> Targets')
    console.do('Space', '[ ] quiet-1')
    console.do('j Space', '[x] quiet-1')
    console.do('y', '< quiet-1 >')
    console.type('Enter')
    late = console.seen_after(lambda screen: re.search(r'^> only-ada .* ada .* ENABLED .* 1/1 ', screen, re.MULTILINE))
    print(f'applied 1/1 shown {late * 1000:.0f} ms after Enter')
    assert late < 1 + LOADED
    console.do('2', 'PROTO')
    console.write('/quiet-1')
    console.type('Enter')
    wait_until(lambda: 'quiet-1' in console.selected(), PATIENCE, 'a packet of quiet-1')
    screen = console.do('Enter', 'Chosen by')
    assert re.search(r'Chosen by +only-ada\n', screen), screen
    console.do('Escape', 'PROTO')
    console.do('5', 'only-ada')
    console.do('D', 'Delete filter only-ada of')
    console.do('y', 'no filters')


@pytest.mark.deadline(60)
def test_a_processor_that_is_back_finds_everything_as_it_was(tree, lcwatch):
    tree.start('noc')
    for hunter_id in ('h1', 'h2'):
        tree.hunter('noc', hunter_id, CALL)
    console = lcwatch(tree.nodes['noc'])
    console.do('3', ' h2 ')
    console.select(' h2 ')
    console.do('d', 'packets of 1 hunter of')
    console.do('2', ' h1 ')
    console.do('3', '[3 Nodes]')
    seen = console.pid()

    tree.nodes['noc'].kill()
    console.wait_for('no topology, packets, calls')
    banner = ' '.join(line.strip() for line in console.screen().splitlines()[2:5])
    assert re.search(r'127\.0\.0\.1:\d+: no topology, packets, calls; again in \d+s; data \d+s old; \S', banner), banner
    wait_until(lambda: int(re.search(r'data (\d+)s old', console.screen()).group(1)) >= 2, 8, 'the age of the data')
    assert ' h2 ' in console.selected()
    assert ' h1 ' in console.screen()
    stale = next(line for line in console.tmux('capture-pane', '-e', '-p').splitlines() if re.search(r'\bh1\b|mh1 ', line))
    assert re.search(r'\x1b\[[0-9;]*(90|2|38;5;8)m', stale), 'data that is old is grey'

    tree.start('noc')
    wait_until(lambda: 'no topology' not in console.screen(), 15, 'that the banner goes')
    wait_until(lambda: ' h2 ' in console.selected() and 'HEALTHY' in console.selected(), 15, 'the selection')
    console.do('2', '[2 Packets]')

    def offered():
        return int(re.search(r'of ([\d,]+)', console.screen()).group(1).replace(',', ''))
    before = offered()
    wait_until(lambda: offered() > before + 300, 15, 'packets, after the outage')
    assert ' h1 ' in console.screen()
    assert not re.search(r'^. \S+ +h2 ', console.screen(), re.MULTILINE), 'h2 was unsubscribed'
    console.do('3', 'packets of 1 hunter of')
    assert console.pid() == seen
    console.do('6', 'is back')


HOSTILE = {
    'escape sequences': b'\x1b[2J\x1b[1;1Hgone\x1b]0;titled\x07\x1b[?1049l\x1bc',
    'control characters': b'a\x07b\x08\x08\x08\tc\x9b2Jd\x7f\x0e\x90q\x9c',
    'wide characters': '電話会議の名前と番号が全部'.encode(),
    'combining characters': ('e' + '\u0301\u0308\u0332' * 9 + 'z\u0489\u200b\u202e\u2066abc\ufeff\u200d').encode(),
    'no UTF-8': b'\xff\xfe\xc3(\xe2\x82\xf0\x9f\x98\xc0\xaf\xed\xa0\x80x',
}


def one_call(folder, user):
    """A capture with a call from and to `user` that is over; the bytes are in its headers as they are."""
    caller, callee = ('192.0.2.1', 5060), ('192.0.2.2', 5060)
    packets = []
    for number, (first, cseq) in enumerate([('INVITE sip:bob@192.0.2.2 SIP/2.0', '1 INVITE'), ('SIP/2.0 180 WHO', '1 INVITE'),
                                            ('SIP/2.0 200 OK', '1 INVITE'), ('BYE sip:bob@192.0.2.2 SIP/2.0', '2 BYE'),
                                            ('SIP/2.0 200 OK', '2 BYE')]):
        text = message(first, {'Via': 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1', 'From': '"WHO" <sip:WHO@example.org>;tag=1',
                               'To': '<sip:WHO@example.org>;tag=2', 'Call-ID': 'call-1', 'CSeq': cseq, 'Subject': 'WHO'})
        ends = (caller, callee) if 'sip:bob' in first else (callee, caller)
        frame = udp_frame(*ends, text.replace(b'WHO', user))
        packets.append(capture_file.Packet(BEGIN_NS + number * MILLISECOND, 1, len(frame), frame))
    folder.mkdir()
    capture_file.write_pcap(folder / 'call.pcap', packets)
    return folder / 'call.pcap'


def frames_of(programs, lcwatch, capture, wide):
    """The screens of packets and calls, and the ladder, each line as its columns. Digits, which differ, are all 0."""
    processor = programs.processord()
    console = lcwatch(processor, width=wide)
    title = console.state('pane_title')
    console.do('6', 'stream of packets stands')
    programs.hunterd(processor, interface=capture, hunter_id='h1')
    frames = []
    for keys, text in [('2', '5 of 5   following'), ('4', '1 calls, 0 of them going on'), ('Enter', '200 BYE')]:
        console.do(keys, text)
        lines = [columns(re.sub(r'\d', '0', line)) for line in console.screen().splitlines()]
        frames.append([line + [' '] * (wide - len(line)) for line in lines])
    assert console.state('pane_title', 'alternate_on') == f'{title} 1'
    console.type('q')
    console.assert_given_back()
    return frames


@pytest.fixture(scope='module')
def harmless():
    """What the screens look like with a name that is one; made by the first test that asks."""
    return []


@pytest.mark.parametrize('what', HOSTILE)
def test_what_is_in_sip_headers_changes_nothing_but_its_own_cells(programs, lcwatch, tmp_path, harmless, what):
    wide = 120
    if not harmless:
        harmless.extend(frames_of(programs, lcwatch, one_call(tmp_path / 'harmless', b'someone'), wide))
    hostile = frames_of(programs, lcwatch, one_call(tmp_path / 'hostile', HOSTILE[what]), wide)
    # Where the name may be: behind INFO; from FROM up to START; in the first line of the ladder.
    own = [('INFO', None), ('FROM', 'START'), (None, None)]
    for (begin, end), theirs, ours in zip(own, harmless, hostile):
        assert len(theirs) == len(ours)
        titles = ''.join(theirs[3])
        for y, (one, other) in enumerate(zip(theirs, ours)):
            assert len(other) == wide, ''.join(other)
            if begin and y > 3:
                cut = slice(titles.index(begin), titles.index(end) if end else wide)
                one, other = one[:cut.start] + one[cut.stop:], other[:cut.start] + other[cut.stop:]
            if begin or y != 2:
                assert ''.join(one) == ''.join(other)


def tls(certificates, name):
    return ['--tls-cert', certificates / f'{name}.crt', '--tls-key', certificates / f'{name}.key',
            '--tls-ca', certificates / 'ca.crt']


def test_who_may_only_look_is_told_so_and_a_wrong_certificate_is_named(programs, lcwatch, certificates):
    processor = programs.processord(*tls(certificates, 'server'))
    here = f'localhost:{processor.port}'
    viewer = lcwatch(here, *tls(certificates, 'viewer'))
    viewer.wait_for(f'{here} [RO]')
    viewer.do('5', 'no filters')
    viewer.do('a', 'read-only: this console may not change filters here')
    operator = lcwatch(here, *tls(certificates, 'operator'))
    operator.do('5', 'no filters')
    operator.do('a', 'New filter of')
    assert '[RO]' not in operator.screen()
    stranger = lcwatch(here, *tls(certificates, 'other'))
    screen = stranger.wait_for('no topology, packets, calls')
    assert re.search(r'again in \d+s; [^─]*certificate', screen), screen
    stranger.do('5', '[5 Filters]')
    stranger.do('q', 'ended-0')
