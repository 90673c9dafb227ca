"""A terminal of its own for a program: a tmux server that nobody else uses, and what is on its screen."""
import os
import shutil
import subprocess
import uuid

import pytest

from support.waiting import wait_until


class Terminal:
    """A shell runs in it, so that what a program leaves behind can be seen."""

    def __init__(self, width=80, height=24):
        if shutil.which('tmux') is None:
            pytest.skip('tmux is not installed (deploy/install-dependencies test)')
        self.name, self._asked = f'lc-{uuid.uuid4().hex}', 0
        environment = {**os.environ, 'LANG': 'C.UTF-8', 'LC_ALL': ''}
        self.tmux('-f', '/dev/null', 'new-session', '-d', '-x', str(width), '-y', str(height), 'bash --norc',
                   env=environment)
        self.type("PS1='ready> '; clear", 'Enter')
        self.wait_for('ready>')

    def tmux(self, *arguments, env=None):
        return subprocess.run(['tmux', '-L', self.name, *arguments], check=True, capture_output=True, text=True,
                              env=env).stdout

    def type(self, *keys):
        self.tmux('send-keys', *keys)

    def screen(self):
        return self.tmux('capture-pane', '-p')

    def wait_for(self, text, seconds=15):
        def look():
            screen = self.screen()
            return screen if text in screen else None
        return wait_until(look, seconds, f'{text!r} on the screen')

    def resize(self, width, height):
        self.tmux('resize-window', '-x', str(width), '-y', str(height))

    def is_restored(self):
        """Echo and lines are back; the shell says so."""
        self._asked += 1  # an answer from before may still be on the screen
        self.type("clear; stty -a | tr -d ';' | tr ' ' '\\n' | grep -cx -e icanon -e echo; "
                  f'echo settings-$(({self._asked}))-', 'Enter')
        return self.wait_for(f'settings-{self._asked}-').split()[0] == '2'

    def close(self):
        subprocess.run(['tmux', '-L', self.name, 'kill-server'], capture_output=True, check=False)
