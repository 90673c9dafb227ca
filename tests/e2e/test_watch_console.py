"""The console before a person's eyes: the real lcwatch in tmux, on a tree of real processords and hunterds three deep."""
import os
import re
import signal

import pytest
from conftest import OUR_CAPTURES
from support import capture_file
from support.frames import udp_frame
from support.processes import Processes
from support.programs import Programs
from support.sip_text import BEGIN_NS, MILLISECOND, message
from support.tree import PATIENCE, Tree, wait_for_shape
from support.waiting import wait_until
from support.watch import Watch, columns

CALL = OUR_CAPTURES / 'call-media.pcap'
# How late a machine that also does something else may be with what takes 200 ms at most when it does not.
LOADED = 1.0


@pytest.fixture(scope='module')
def site(binaries, tmp_path_factory):
    """root with east and west below it, and edge below east; a hunter with traffic at edge and one at west."""
    folder = tmp_path_factory.mktemp('site')
    processes = Processes(folder)
    tree = Tree(Programs(binaries, processes), folder)
    root = tree.start('root')
    for name, above in (('east', root), ('west', root)):
        tree.start(name, above).wait_for_log('attached to the upstream processor', PATIENCE)
    tree.start('edge', tree.nodes['east']).wait_for_log('attached to the upstream processor', PATIENCE)
    tree.hunter('edge', 'edge-1', CALL)
    tree.hunter('west', 'west-1', OUR_CAPTURES / 'call-ipv6.pcap')
    tree.root = tree.console('root')
    wait_for_shape(tree.root, 'root (east (edge edge-1)) (west west-1)')
    yield tree
    tree.close()
    processes.close()


@pytest.fixture
def watch(binaries, tmp_path):
    """Starts lcwatch in a terminal of its own."""
    made = []

    def start(node, *options, **more):
        folder = tmp_path / f'home-{len(made)}'
        folder.mkdir()
        made.append(Watch(binaries, folder, '--addr', getattr(node, 'address', node), *options, **more))
        return made[-1]
    yield start
    for terminal in made:
        terminal.close()


SCREENS = [
    ('1', 'Overview', ['packets/s', '4 HEALTHY', '2 HEALTHY', 'forwarded', 'Last events']),
    ('2', 'Packets', ['PROTO', 'following', 'RTP', '127.0.0.1']),
    ('3', 'Nodes', ['4 processors, 2 hunters', 'east', 'edge-1', 'west-1', 'HEALTHY']),
    ('4', 'Calls', ['LOSS %', 'ada', 'grace', 'MOS']),
    ('5', 'Filters', ['Filters of', 'no filters: hunters forward everything; a adds one']),
    ('6', 'Events', ['SEVERITY', 'topology']),
    ('?', 'Help', ['Keys of Events', 'the next, the previous screen']),
]


def assert_fits(screen, width):
    assert max(len(line) for line in screen.splitlines()) <= width, screen


@pytest.mark.parametrize(('size', 'environment', 'options'), [
    ((80, 24), '', ()), ((132, 43), '', ()), ((200, 60), '', ()),
    ((80, 24), 'TERM=vt100', ()), ((80, 24), 'TERM=xterm-mono', ('--theme', 'light')), ((80, 24), 'LANG=C', ()),
    ((80, 24), 'NO_COLOR=1', ('--ascii',))])
def test_every_screen_shows_the_tree(site, watch, size, environment, options):
    console = watch(site.nodes['root'], *options, width=size[0], height=size[1], environment=environment)
    for key, name, texts in SCREENS:
        console.type(key)
        wait_until(lambda: all(text in console.screen() for text in [f'[{key} {name}]', *texts]), 12, f'{name}: {texts}')
        assert_fits(console.screen(), size[0])
        if environment == 'LANG=C' or options == ('--ascii',):
            assert console.screen().isascii()
        if environment in ('NO_COLOR=1', 'TERM=vt100', 'TERM=xterm-mono'):
            assert not re.search(r'\x1b\[[0-9;]*\b(3|4|9|10)[0-7]\b[0-9;]*m', console.tmux('capture-pane', '-e', '-p'))
    console.do('Escape q', 'ended-0')
    console.assert_given_back()


def test_it_follows_the_size_while_packets_come(site, watch):
    console = watch(site.nodes['root'])
    console.do('2', 'RTP')
    for width, height, text in [(132, 43, 'LENGTH'), (50, 10, 'needs 60x15, this is 50x10'), (200, 60, 'IFACE'),
                                (80, 24, '[2 Packets]')]:
        console.resize(width, height)
        console.wait_for(text)
        wait_until(lambda: len(console.screen().splitlines()) <= height, 5, 'the new height')
        assert_fits(console.screen(), width)
    wait_until(lambda: 'Enter details' in console.screen().splitlines()[23], 5, 'the last line')


# What is pressed, as tmux names it, and what is then on the screen: `^> ` is the row that is selected.
KEYS = {
    '1 Overview': [
        ('Tab', r'\[2 Packets'), ('BTab', r'\[1 Overview'), ('BTab', r'\[6 Events'), ('1', r'\[1 Overview'),
        ('t', 'times: local'), ('t', 'times: ago'), ('t', 'times: UTC'), ('r', 'resync of all processors'),
        ('m', 'mouse off'), ('m', 'mouse on'), ('Space', 'packets paused'), ('Space', 'packets go on'),
        ('e', 'there is no table here to export'), ('C-l', r'\[1 Overview'),
        (': c a l l s Enter', r'\[4 Calls'), ('?', 'Keys of Calls'), ('/ s u s p e n d Enter', r'^> Ctrl-Z.*\n\n'),
        ('Escape', r'^> Enter +call flow'), ('Escape', r'\[4 Calls'), (': n o Enter', 'no such command: no; . lists them'),
        (': p a c k e t s Space o f f Enter', 'stream of packets off'),
        (': p a c k e t s Space o n Enter', 'stream of packets on'), (': t h e m e Space l i g h t Enter', r'\[4 Calls'),
        (': r e s y n c Enter', 'resync of all processors'), ('Escape', r'\[4 Calls'), (': q Enter', 'ended-0')],
    '2 Packets': [
        ('2', 'RTP'), ('Enter', 'Captured'), ('n', r'Packet  +\d+ of'), ('N', r'Packet  +\d+ of'),
        ('j', r'^ Captured'), ('k', r'^ Packet'), ('Escape', 'not following'), ('G', '   following'),
        ('k', 'not following'), ('g', r'INFO\n> '), ('j', r'INFO\n  .*\n> '), ('G', '   following'),
        ('PPage', 'not following'), ('NPage', '   following'), ('Space', 'PAUSED, '), ('Space', '   following'),
        ('/ I N V I T E Enter', r'UTC   /INVITE\n.*\n.* SIP '), ('Space', 'PAUSED, '), ('n', r'INFO\n> '),
        ('N', r'^> .*\n\s*Enter details'), ('Space', r'UTC   /INVITE'), ('Escape', r'UTC$'), ('t', '   local$'), ('t', '   ago$'), ('t', '   UTC$'), ('c', r'> \[x\] TIME'),
        ('Space', r'> \[ \] TIME'), ('y', r'^  NODE +IFACE'), ('c', r'> \[ \] TIME'), ('Enter', r'> \[x\] TIME'),
        ('G', r'> \[ confirm \]'), ('Enter', r'^  TIME'), ('e', r'export to: lcwatch-packets-.*\.pcapng'),
        ('Enter', r'\d+ packets written to lcwatch-'), ('C-c', 'ended-0')],
    '3 Nodes': [
        ('3', '^> .*root'), ('j', '^> .*east'), ('k', '^> .*root'), ('Down', '^> .*east'), ('Up', '^> .*root'),
        ('G', '^> .*west-1'), ('g', '^> .*root'), ('NPage', '^> .*west-1'), ('PPage', '^> .*root'), ('j', '^> .*east'),
        ('x', '^> .*▸ east'), ('x', '^> .*▾ east'), ('Enter', '^> .*▸ east'), ('Right', '^> .*▾ east'),
        ('Left', '^> .*▸ east'), ('Right', '^> .*▾ east'),
        ('t', r'^  STATE  +ID .*CPU %'), ('>', r'STATE\+'), ('>', r'ID\+'), ('<', r'STATE\+'), ('o', 'STATE-'),
        ('<', r'^  STATE  +ID'), ('t', r'^  NODE  +STATE'),
        ('s', r'Packets of the hunters of .*/east'), ('Space', r'> \[ \] east/edge/edge-1'),
        ('y', 'packets of 1 hunter of'), ('s', r'> \[ \] east/edge/edge-1'), ('Enter', r'> \[x\] east/edge/edge-1'),
        ('j Enter', 'packets of all hunters of'), ('d', 'd is for hunters; s chooses those of this processor'),
        ('G d', 'packets of 1 hunter of'), ('d', 'packets of west/west-1 are not subscribed'),
        ('g s', r'\[ \] west/west-1'), ('a', r'\[x\] west/west-1'), ('i', r'\[ \] west/west-1'), ('a y', 'packets of all'),
        ('r', 'resync of'), ('c', r'> \[x\] NODE'), ('Escape', '^> .*root'),
        ('/ e d g e Enter', r'/edge\n.*\n> '), ('n', '^> .*edge-1'), ('N', r'^> .* edge  '), ('Escape', 'west-1'),
        ('e', r'export to: lcwatch-nodes-.*\.csv'), ('Enter', r'\d+ rows written to lcwatch-'),
        ('f', r'\[5 Filters.*\nFilters of .*/edge'), ('3', r'\[3 Nodes'), ('G Enter', r'\[2 Packets'), ('q', 'ended-0')],
    '4 Calls': [
        ('4', '^> .*ada'), ('j', r'^  .*ada.*\n> .*ada'), ('k', r'LOSS %.*\n> .*ada'), ('Enter', r'INVITE \+SDP'),
        ('n', 'n N next, previous call'), ('j', 'n N next'), ('Escape', 'LOSS %'), ('t', '   local$'), ('t', '   ago$'),
        ('t', '   UTC$'), ('>', r'STATE\+'), ('o', 'STATE-'), ('<', r'STATE  '), ('/ a d a Enter', '/ada$'),
        ('n', '^> .*ada'), ('Escape', 'UTC$'), ('c', r'> \[x\] STATE'), ('Escape', '^> .*ada'),
        ('e', r'export to: lcwatch-calls-.*\.csv'), ('Enter', '2 rows written to lcwatch-'), ('q', 'ended-0')],
    '5 Filters': [
        ('5', 'no filters: hunters forward everything'), ('f', 'Filters of .*/east:'), ('f', 'Filters of .*/east/edge:'),
        ('f', 'Filters of .*/west:'), ('f', r'Filters of [^ /]*: 0'), ('a', r'> Id .*[\s\S]*pattern: it is empty'),
        ('f 1', r'> Id +f1'), ('Tab', '> Type +< sip user >'), ('Right', r'> Type +< (?!sip user)'),
        ('Left', '> Type +< sip user >'), ('Tab', '> Pattern'), ('a d a', 'can be evaluated; Enter saves it'),
        ('Tab Space', '> Action +< signalling >'), ('Tab', '> Targets +< all hunters >'), ('BTab', '> Action'),
        ('Enter', r'^> f1 .* ada .*ENABLED'), ('e', r'Filter of [\s\S]*> Pattern'), ('x Enter', r'^> f1 .* adax '),
        ('d', r'^> f1 .* DISABLED'), ('d', r'^> f1 .* ENABLED'), ('E', r'export to: lcwatch-filters-.*\.csv'),
        ('Enter', '1 rows written to lcwatch-'), ('/ f 1 Enter', '/f1$'), ('n', '^> f1'), ('Escape', r': 1$'),
        ('>', r'ID\+'), ('<', 'ID  '), ('D', 'Delete filter f1 of .* y: yes'), ('n', '^> f1'), ('D', 'Delete filter'),
        ('y', 'no filters: hunters forward everything'), ('q', 'ended-0')],
    '6 Events': [
        ('6', '^> .*stream of'), ('k', r'^> .*stream of .*\n  .*stream of'), ('G', r'^> .*stream of .*\n\n'),
        ('g', r'EVENT\n> '), ('j', r'EVENT\n  .*\n> '), ('t', '   local$'), ('t', '   ago$'), ('t', '   UTC$'),
        ('>', r'TIME\+'), ('<', 'TIME  '), ('c', r'> \[x\] TIME'), ('Escape', '^> '),
        ('/ c a l l s Enter', r'/calls\n.*\n> .*stream of calls'), ('n', '^> .*stream of calls'), ('Escape', 'UTC$'),
        ('e', r'export to: lcwatch-events-.*\.csv'), ('Enter', r'\d+ rows written to lcwatch-'), ('q', 'ended-0')],
}


@pytest.mark.parametrize('screen', KEYS)
def test_every_key_does_what_it_says(site, watch, screen):
    console = watch(site.nodes['root'])
    wait_until(lambda: '2 HEALTHY' in console.screen(), 8, 'the tree')
    if screen[0] == '4':
        console.type('4')
        wait_until(lambda: console.screen().count('ada') == 2, 12, 'both calls')
    for keys, expected in KEYS[screen]:
        console.type(*keys.split())
        try:
            wait_until(lambda: re.search(expected, console.screen(), re.MULTILINE), 6, expected)
        except AssertionError:
            pytest.fail(f'{keys}: {expected} is not on\n{console.screen()}')


def test_a_click_goes_to_a_screen_and_to_a_row(site, watch):
    console = watch(site.nodes['root'], environment='TERM=xterm-256color')
    console.do('3', 'edge-1')

    def click(x, y):  # SGR, as tmux and xterm write it; the first column and line are 1
        console.write(f'\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m')
    click(6, 6)
    wait_until(lambda: 'east' in console.selected(), 8, 'the row of east')
    click(18, 2)
    console.wait_for('[2 Packets]')


def told(update, kind, hunter_id):
    """Whether it is the root's word that this hunter came or went."""
    if not update.HasField(kind):
        return False
    what = getattr(update, kind)
    return (what.hunter.hunter_id if kind == 'hunter_connected' else what.hunter_id) == hunter_id


def test_a_hunter_that_comes_fails_and_leaves_three_levels_down_is_seen_at_once(site, watch):
    console = watch(site.nodes['root'])
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


def test_a_filter_of_the_form_is_in_force_two_levels_down_and_its_packets_come(site, watch):
    site.hunter('edge', 'quiet-1', CALL, '--no-filter-policy', 'none')
    console = watch(site.nodes['root'])
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
    console.wait_for('quiet-1 ' if 'TARGETS' in console.screen() else 'only-ada')
    console.type('D', 'y')
    console.wait_for('no filters')


@pytest.mark.deadline(60)
def test_a_processor_that_is_back_finds_everything_as_it_was(binaries, tmp_path, watch):
    processes = Processes(tmp_path)
    tree = Tree(Programs(binaries, processes), tmp_path)
    try:
        tree.start('noc')
        for hunter_id in ('h1', 'h2'):
            tree.hunter('noc', hunter_id, CALL)
        console = watch(tree.nodes['noc'])
        console.do('3', ' h2 ')
        console.select(' h2 ')
        console.do('d', 'packets of 1 hunter of')
        console.do('2 / Space Enter', 'INFO')
        console.do('Escape', ' h1 ')
        console.do('3', '[3 Nodes]')
        seen = console.pid()

        tree.nodes['noc'].kill()
        console.wait_for('no topology, packets, calls')
        banner = console.screen().splitlines()[2]
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
    finally:
        tree.close()
        processes.close()


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


def frames_of(programs, watch, capture, wide):
    """The screens of packets and calls, and the ladder, each line as its columns. Digits, which differ, are all 0."""
    processor = programs.processord()
    console = watch(processor, width=wide)
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
def test_what_is_in_sip_headers_changes_nothing_but_its_own_cells(programs, watch, tmp_path, harmless, what):
    wide = 120
    if not harmless:
        harmless.extend(frames_of(programs, watch, one_call(tmp_path / 'harmless', b'someone'), wide))
    hostile = frames_of(programs, watch, one_call(tmp_path / 'hostile', HOSTILE[what]), wide)
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


def test_who_may_only_look_is_told_so_and_a_wrong_certificate_is_named(programs, watch, certificates):
    processor = programs.processord(*tls(certificates, 'server'))
    here = f'localhost:{processor.port}'
    viewer = watch(here, *tls(certificates, 'viewer'))
    viewer.wait_for(f'{here} [RO]')
    viewer.do('5', 'no filters')
    viewer.do('a', 'read-only: this console may not change filters here')
    operator = watch(here, *tls(certificates, 'operator'))
    operator.do('5', 'no filters')
    operator.do('a', 'New filter of')
    assert '[RO]' not in operator.screen()
    stranger = watch(here, *tls(certificates, 'other'))
    screen = stranger.wait_for('no topology, packets, calls')
    assert re.search(r'again in \d+s; [^─]*certificate', screen), screen
    stranger.do('5', '[5 Filters]')
    stranger.do('q', 'ended-0')


@pytest.mark.parametrize(('number', 'ended'), [(signal.SIGTERM, 'ended-0'), (signal.SIGABRT, 'ended-134'),
                                               (signal.SIGSEGV, 'ended-139')])
def test_the_terminal_is_given_back_after_a_signal_and_after_a_crash(site, watch, number, ended):
    console = watch(site.nodes['root'], environment='TERM=xterm-256color')
    console.do('2', 'RTP')
    os.kill(console.pid(), number)
    console.wait_for(ended)
    console.assert_given_back()


def test_it_is_suspended_and_goes_on_with_what_has_come_meanwhile(site, watch):
    console = watch(site.nodes['root'])
    console.do('2', 'RTP')
    console.do('3', 'edge-1')
    console.do('C-z', 'Stopped')
    assert console.state('alternate_on', 'mouse_any_flag', 'cursor_flag') == '0 0 1'
    assert console.is_restored()
    console.type('fg', 'Enter')
    console.wait_for('[3 Nodes]')
    console.do('2', '   following')
    before = console.selected()
    wait_until(lambda: console.selected() not in ('', before), 8, 'that packets go on')
    console.type('q')
    wait_until(lambda: console.state('alternate_on') == '0', 8, 'its end')
