"""lcwatch as a person has it before them: in a terminal of its own, with its keys and its screen."""
import shlex
import subprocess
import time
import unicodedata

from support.terminal import Terminal
from support.waiting import wait_until


class Watch(Terminal):
    """lcwatch with `options`, shown once its first screen is there. `environment`: as a shell writes it."""

    def __init__(self, binaries, folder, *options, width=80, height=24, environment=''):
        super().__init__(width, height)
        self._folder = folder
        command = shlex.join(map(str, [binaries / 'lcwatch', *options]))
        self.type(f'cd {folder}; stty -g >before; HOME={folder} {environment} {command}; echo ended-$?; stty -g >after',
                  'Enter')
        self.wait_for('[1 Overview]')

    def do(self, keys, text):
        """Keys apart by blanks, as tmux names them; then the text is awaited."""
        self.type(*keys.split())
        return self.wait_for(text, 8)

    def write(self, text):
        self.tmux('send-keys', '-l', text)

    def selected(self):
        """The row with the mark, or ''; on the top one where there are boxes."""
        return next((line for line in self.screen().splitlines() if line.startswith('>')), '')

    def select(self, text):
        """Goes down to the row that has the text in it; it is there."""
        self.type('g')
        wait_until(lambda: self.selected() == self._rows()[0], 8, 'the first row to be selected')
        at = next(i for i, row in enumerate(self._rows()) if text in row)
        if at:
            self.type('-N', str(at), 'j')
        wait_until(lambda: text in self.selected(), 8, f'the row of {text} to be selected')

    def _rows(self):
        """Of the list in front, which the line with the titles is above."""
        lines = self.screen().splitlines()
        return [line for line in lines[4:-1] if line.strip()]

    def seen_after(self, condition, within=10):
        """Seconds until the screen is so, looked at every 20 ms."""
        began = time.monotonic()
        while not condition(self.screen()):
            assert time.monotonic() - began < within, self.screen()
            time.sleep(0.02)
        return time.monotonic() - began

    def pid(self):
        shell = self.tmux('display-message', '-p', '#{pane_pid}').strip()
        return int(subprocess.run(['pgrep', '--parent', shell, 'lcwatch'], capture_output=True, text=True,
                                  check=True).stdout)

    def state(self, *names):
        """Of tmux's own formats, what the terminal is in: alternate_on, mouse_any_flag, pane_title."""
        return self.tmux('display-message', '-p', ' '.join(f'#{{{name}}}' for name in names)).strip()

    def assert_given_back(self):
        """Same settings as before, the main screen, no mouse, a cursor."""
        after = self._folder / 'after'
        wait_until(lambda: after.exists() and after.read_text(), 8, 'the settings of the terminal afterwards')
        assert after.read_text() == (self._folder / 'before').read_text()
        assert self.state('alternate_on', 'mouse_any_flag', 'cursor_flag', 'keypad_flag') == '0 0 1 0'
        assert self.is_restored()


def columns(line):
    """What is in each column of a line; a wide character is followed by an empty column."""
    cells = []
    for character in line:
        if unicodedata.category(character) in ('Mn', 'Me', 'Cf') and cells:
            cells[-1] += character
            continue
        cells.append(character)
        if unicodedata.east_asian_width(character) in 'WF':
            cells.append('')
    return cells
