"""The console's own terminal code, in tmux, on a world that is made up (tests/support/watch_demo.cpp)."""
import subprocess

import pytest
from support.terminal import Terminal
from support.waiting import wait_until


@pytest.fixture
def terminal():
    made = Terminal()
    yield made
    made.close()


def start(terminal, binaries, *arguments, environment=''):
    terminal.type(f'{environment} {binaries}/watch_demo {" ".join(arguments)}; echo ended-$?', 'Enter')
    return terminal.wait_for('[1 Overview]')


@pytest.mark.parametrize('environment', ['TERM=vt100 LANG=C', 'TERM=xterm-mono', 'TERM=xterm-256color', 'NO_COLOR=1'])
def test_every_screen_is_there_on_every_kind_of_terminal(terminal, binaries, environment):
    start(terminal, binaries, environment=environment)
    for key, text in [('2', 'PROTO'), ('3', 'UNREACHABLE'), ('4', 'LOSS %'), ('5', 'APPLIED'), ('6', 'SEVERITY'),
                      ('?', 'Keys of Events')]:
        terminal.type(key)
        screen = terminal.wait_for(text)
        if 'LANG=C' in environment:
            assert screen.isascii()
    terminal.type('Escape')
    terminal.wait_for('[6 Events]')
    terminal.type('4', 'Enter')  # faster than a frame
    terminal.wait_for('INVITE +SDP')
    terminal.type('q')
    terminal.wait_for('ended-0')
    assert terminal.is_restored()


def test_it_follows_the_size_while_packets_come(terminal, binaries):
    start(terminal, binaries, '20000')
    terminal.type('2')
    terminal.resize(132, 43)
    terminal.wait_for('LENGTH')
    terminal.resize(50, 10)
    terminal.wait_for('needs 60x15, this is 50x10')
    terminal.resize(80, 24)
    terminal.wait_for('[2 Packets]')


def test_the_terminal_is_given_back_when_it_is_suspended_and_goes_on(terminal, binaries):
    start(terminal, binaries)
    terminal.type('3', 'C-z')
    terminal.wait_for('Stopped')
    assert terminal.is_restored()
    terminal.type('fg', 'Enter')
    terminal.wait_for('[3 Nodes]')
    terminal.type('q')
    wait_until(lambda: '[3 Nodes]' not in terminal.screen(), 15, 'the end')
    assert terminal.is_restored()


def test_the_terminal_is_given_back_after_an_abort(terminal, binaries):
    start(terminal, binaries, 'abort-after-ms', '3000')
    terminal.wait_for('ended-134')
    assert terminal.is_restored()


def test_the_terminal_is_given_back_after_a_signal(terminal, binaries):
    start(terminal, binaries)
    shell = terminal.tmux('display-message', '-p', '#{pane_pid}').strip()
    demo = subprocess.run(['pgrep', '--parent', shell, 'watch_demo'], capture_output=True, text=True,
                          check=True).stdout.strip()
    subprocess.run(['kill', '-TERM', demo], check=True)
    terminal.wait_for('ended-143')
    assert terminal.is_restored()
