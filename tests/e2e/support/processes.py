"""Processes under test: started with their log in a file, awaited by condition, ended by pid whatever happens."""
import os
import re
import shlex
import signal
import subprocess

from support.waiting import wait_until


class Process:
    """A running program. Standard error (the log of our programs) and output go to one file each."""

    def __init__(self, argv, folder, name, env=None, user=None):
        self.name = name
        self.argv = [str(a) for a in argv]
        self.log_path = folder / f'{name}.log'
        self.output_path = folder / f'{name}.out'
        with open(self.log_path, 'wb') as log, open(self.output_path, 'wb') as output:
            self._child = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=output, stderr=log, env={**os.environ, **(env or {})},
                user=user, group=user and 'nogroup', extra_groups=[] if user else None)

    @property
    def pid(self):
        return self._child.pid

    @property
    def log(self):
        return self.log_path.read_text(encoding='utf-8', errors='replace')

    @property
    def output(self):
        return self.output_path.read_text(encoding='utf-8', errors='replace')

    def running(self):
        return self._child.poll() is None

    def signal(self, number):
        self._child.send_signal(number)

    def wait_for_log(self, pattern, within=10):
        """The match of `pattern` in the log; fails at once when the program ends without having written it."""
        def look():
            ended = not self.running()
            match = re.search(pattern, self.log, re.MULTILINE)
            if not match and ended:
                raise AssertionError(f'{self.name} ended with {self._child.returncode} before it logged /{pattern}/')
            return match
        return wait_until(look, within, f'/{pattern}/ in the log of {self.name}')

    def wait(self, within=20):
        """The exit code; negative: the signal that killed it."""
        wait_until(lambda: not self.running(), within, f'end of {self.name}')
        return self._child.returncode

    def stop(self, within=15):
        self.signal(signal.SIGTERM)
        return self.wait(within)

    def kill(self):
        self._child.kill()
        self._child.wait()

    def story(self):
        """What a failing test shows of this process: the end of its log is nearly always enough."""
        tail = self.log.splitlines()[-30:]
        state = 'running' if self.running() else f'ended with {self._child.returncode}'
        return '\n'.join([f'--- {self.name} ({state}): {shlex.join(self.argv)}', *tail])


class Processes:
    """Starts processes and, at the end of the test, kills those left."""

    def __init__(self, folder):
        self.folder = folder
        self._started = []

    def start(self, argv, name, **options):
        count = sum(p.name.split('#')[0] == name for p in self._started)
        process = Process(argv, self.folder, f'{name}#{count + 1}' if count else name, **options)
        self._started.append(process)
        return process

    def close(self):
        for process in self._started:
            print(process.story())
            if process.running():
                process.kill()
