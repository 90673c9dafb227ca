"""The console before a person's eyes: the real lcwatch in tmux, on a tree of real processords and hunterds three deep."""
import os
import re
import signal

import pytest
from support.waiting import wait_until

SCREENS = [
    ('1', 'Overview', ['packets/s', '4 HEALTHY', '2 HEALTHY', 'forwarded', 'Last events']),
    ('2', 'Packets', ['PROTO', 'following', 'RTP', '192.0.2.1']),
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
def test_every_screen_shows_the_tree(site, lcwatch, size, environment, options):
    console = lcwatch(site.nodes['root'], *options, width=size[0], height=size[1], environment=environment)
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


def test_it_follows_the_size_while_packets_come(site, lcwatch):
    console = lcwatch(site.nodes['root'])
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
def test_every_key_does_what_it_says(site, lcwatch, screen):
    console = lcwatch(site.nodes['root'])
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


def test_a_click_goes_to_a_screen_and_to_a_row(site, lcwatch):
    console = lcwatch(site.nodes['root'], environment='TERM=xterm-256color')
    console.do('3', 'edge-1')

    def click(x, y):  # SGR, as tmux and xterm write it; the first column and line are 1
        console.write(f'\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m')
    click(6, 6)
    wait_until(lambda: 'east' in console.selected(), 8, 'the row of east')
    click(18, 2)
    console.wait_for('[2 Packets]')


@pytest.mark.parametrize(('number', 'ended'), [(signal.SIGTERM, 'ended-0'), (signal.SIGABRT, 'ended-134'),
                                               (signal.SIGSEGV, 'ended-139')])
def test_the_terminal_is_given_back_after_a_signal_and_after_a_crash(site, lcwatch, number, ended):
    console = lcwatch(site.nodes['root'], environment='TERM=xterm-256color')
    console.do('2', 'RTP')
    os.kill(console.pid(), number)
    console.wait_for(ended)
    console.assert_given_back()


def test_it_is_suspended_and_goes_on_with_what_has_come_meanwhile(site, lcwatch):
    console = lcwatch(site.nodes['root'])
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
