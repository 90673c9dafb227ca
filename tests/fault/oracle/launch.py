"""Starts programs of this package in a sandbox, and ends them with whoever started them."""
import json
import os
import pathlib
import subprocess

from oracle import FAULT, PYTHON, REPOSITORY, sandbox


def binaries():
    """The folder of the programs under test; the default has fail-points and the sanitizers."""
    return pathlib.Path(os.environ.get('LC_FAULT_BIN_DIR', REPOSITORY / 'build' / 'asan' / 'bin')).resolve()


class Launch:
    """One `python3 -m MODULE --binaries DIR --folder FOLDER ARGUMENTS` in a sandbox; its words go to FOLDER/story."""

    def __init__(self, module, folder, *arguments):
        self.folder = folder
        folder.mkdir(parents=True)
        with open(folder / 'story', 'wb') as story:
            self._child = subprocess.Popen(
                [*sandbox.command(), PYTHON, '-m', module, '--binaries', binaries(), '--folder', folder,
                 *map(str, arguments)],
                cwd=FAULT, stdin=subprocess.DEVNULL, stdout=story, stderr=story,
                env={**os.environ, 'PYTHONDONTWRITEBYTECODE': '1'})

    def wait(self, timeout=None):
        """The exit code. Whatever else ends this call ends what was started."""
        try:
            return self._child.wait(timeout)
        except BaseException:
            self.end()
            raise

    def end(self):
        self._child.kill()  # and with it, by --kill-child, all that runs in its namespaces
        self._child.wait()

    def story(self):
        return (self.folder / 'story').read_text(encoding='utf-8', errors='replace')

    def result(self):
        """What it found, as a dict; None when it did not come to that."""
        path = self.folder / 'result.json'
        return json.loads(path.read_text(encoding='utf-8')) if path.exists() else None
