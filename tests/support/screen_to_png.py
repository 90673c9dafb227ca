#!/usr/bin/env python3
"""Renders what `tmux capture-pane -e -p` writes to a PNG with a palette: the pictures in lcwatch/screens.

    tmux capture-pane -e -N -p | tests/support/screen_to_png.py WIDTH HEIGHT FILE.png

with -N for blanks at the ends of lines, which may have a colour.

Needs python3-pil and fonts-dejavu-core, which no test does.
"""
import re
import sys
import unicodedata

from PIL import Image, ImageDraw, ImageFont

FONTS = '/usr/share/fonts/truetype/dejavu/DejaVuSansMono'
SIZE, CELL_WIDTH, CELL_HEIGHT = 14, 8, 17
FOREGROUND, BACKGROUND = 0xd0d0d0, 0x14161a
COLOURS = [0x14161a, 0xe06c75, 0x7ec16e, 0xe5c07b, 0x2b4c7e, 0xc678dd, 0x56b6c2, 0xd0d0d0,
           0x7f848e, 0xff7b86, 0x98d982, 0xf2d48f, 0x61afef, 0xd898ea, 0x7fd3de, 0xffffff]
# Which ways they go from the middle of the cell; those of the font leave gaps.
LINES = {'─': ('left', 'right'), '│': ('up', 'down'), '├': ('up', 'down', 'right'), '└': ('up', 'right'),
         '┌': ('down', 'right'), '┐': ('down', 'left'), '┘': ('up', 'left')}
ESCAPE = re.compile('\x1b\\[([0-9;]*)m|\x1b[()].|\x0e|\x0f')


class Pen:
    """What the escape sequences so far have made of the look of a cell."""

    def __init__(self):
        self.foreground = self.background = None
        self.bold = self.dim = self.underline = self.reverse = False

    def take(self, codes):
        numbers = [int(code or 0) for code in codes.split(';')]
        while numbers:
            number = numbers.pop(0)
            if number == 0:
                self.__init__()
            elif number == 1:
                self.bold = True
            elif number == 2:
                self.dim = True
            elif number == 4:
                self.underline = True
            elif number == 7:
                self.reverse = True
            elif number in (38, 48):
                kind = numbers.pop(0)
                colour = COLOURS[numbers.pop(0) % 16] if kind == 5 else int.from_bytes(bytes(numbers[:3]), 'big')
                if kind != 5:
                    del numbers[:3]
                self._set(number == 48, colour)
            elif 30 <= number <= 37 or 90 <= number <= 97:
                self._set(False, COLOURS[number - 30 if number < 40 else number - 82])
            elif 40 <= number <= 47 or 100 <= number <= 107:
                self._set(True, COLOURS[number - 40 if number < 50 else number - 92])
            elif number in (39, 49):
                self._set(number == 49, None)

    def _set(self, background, colour):
        if background:
            self.background = colour
        else:
            self.foreground = colour

    def colours(self):
        front = FOREGROUND if self.foreground is None else self.foreground
        back = BACKGROUND if self.background is None else self.background
        if self.bold and self.foreground is None and not self.reverse:
            front = 0xffffff
        if self.dim:
            front = COLOURS[8]
        return (back, front) if self.reverse else (front, back)


def cells(line, pen):
    """(character, columns, foreground, background, bold, underlined) of each; combining ones with what they stand on."""
    at, found = 0, []
    while at < len(line):
        if escape := ESCAPE.match(line, at):
            if escape.group(1) is not None:
                pen.take(escape.group(1))
            at = escape.end()
            continue
        character = line[at]
        at += 1
        if unicodedata.combining(character) and found:
            found[-1][0] += character
            continue
        wide = 2 if unicodedata.east_asian_width(character) in 'WF' else 1
        found.append([character, wide, *pen.colours(), pen.bold, pen.underline])
    return found


def rgb(colour):
    return colour >> 16, colour >> 8 & 0xff, colour & 0xff


def palette():
    """Each colour in eight steps from the background, as the edges of letters have them. Few are used: files stay small."""
    made = Image.new('P', (1, 1))
    steps = []
    for colour in [*COLOURS, FOREGROUND]:
        for step in range(1, 9):
            steps += [(b * (8 - step) + f * step) // 8 for b, f in zip(rgb(BACKGROUND), rgb(colour))]
    made.putpalette([*rgb(BACKGROUND), *steps])
    return made


def render(text, width, height):
    image = Image.new('RGB', (width * CELL_WIDTH + 16, height * CELL_HEIGHT + 16), rgb(BACKGROUND))
    draw = ImageDraw.Draw(image)
    plain, bold = (ImageFont.truetype(f'{FONTS}{name}.ttf', SIZE) for name in ('', '-Bold'))
    pen = Pen()
    for row, line in enumerate(text.split('\n')[:height]):
        x, y = 8, 8 + row * CELL_HEIGHT
        for character, wide, front, back, is_bold, underlined in cells(line, pen):
            right = x + wide * CELL_WIDTH
            if back != BACKGROUND:
                draw.rectangle((x, y, right - 1, y + CELL_HEIGHT - 1), rgb(back))
            # Blocks fill their cell, which those of the font do not.
            part = '▁▂▃▄▅▆▇█'.find(character) + 1
            if part:
                draw.rectangle((x, y + CELL_HEIGHT - 1 - (CELL_HEIGHT - 1) * part // 8, right - 1, y + CELL_HEIGHT - 1),
                               rgb(front))
            elif character in LINES:
                middle = x + CELL_WIDTH // 2, y + CELL_HEIGHT // 2
                for to in LINES[character]:
                    end = {'left': (x, middle[1]), 'right': (right - 1, middle[1]), 'up': (middle[0], y),
                           'down': (middle[0], y + CELL_HEIGHT - 1)}[to]
                    draw.line((middle, end), rgb(front))
            elif character != ' ':
                draw.text((x, y), character, rgb(front), bold if is_bold else plain)
            if underlined:
                draw.line((x, y + CELL_HEIGHT - 2, right - 1, y + CELL_HEIGHT - 2), rgb(front))
            x = right
    return image.quantize(palette=palette(), dither=Image.Dither.NONE)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    picture = render(sys.stdin.read(), int(sys.argv[1]), int(sys.argv[2]))
    picture.save(sys.argv[3], optimize=True)


if __name__ == '__main__':
    main()
