"""Starting, watching and ending the programs that are measured."""
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

MIB = 1 << 20
TICK = os.sysconf('SC_CLK_TCK')


class BenchError(Exception):
    """A measurement failed; the text says why."""


class Skipped(BenchError):
    """It cannot be made here; the text says what is missing."""


@dataclasses.dataclass
class Usage:
    """What a program cost from its start to its end."""
    seconds: float
    cpu_seconds: float
    peak_mib: float
    exit_code: int


def status_mib(pid, field):
    """A memory field of /proc/PID/status in MiB; 0 once the process has gone."""
    try:
        text = pathlib.Path(f'/proc/{pid}/status').read_text()
    except OSError:
        return 0.0
    found = re.search(rf'^{field}:\s+(\d+) kB', text, re.M)
    return int(found[1]) / 1024 if found else 0.0


def cpu_seconds(pid):
    """User and system time of a running process."""
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def machine_cpu_seconds():
    """Time that all cores together have worked so far, whoever for, and time taken by other guests of the host."""
    user, nice, system, _, _, irq, softirq, steal = map(
        int, pathlib.Path('/proc/stat').read_text().splitlines()[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICK


def ring_mib(pid):
    """Memory of the kernel's capture ring that the process has mapped."""
    total, in_ring = 0, False
    for line in pathlib.Path(f'/proc/{pid}/smaps').read_text().splitlines():
        if re.match(r'[0-9a-f]+-[0-9a-f]+ ', line):
            in_ring = 'socket:[' in line
        elif in_ring and line.startswith('Rss:'):
            total += int(line.split()[1])
    return total / 1024


class Process:
    """A program under measurement. Standard error goes to a log file, whose end explains a failure."""

    def __init__(self, command, log, namespace=None, stdout=subprocess.DEVNULL):
        self.command = [str(word) for word in command]
        self.log = pathlib.Path(log)
        self.name = pathlib.Path(self.command[0]).name
        prefix = ['ip', 'netns', 'exec', namespace] if namespace else []   # it executes: the process id stays
        self.started = time.monotonic()
        with self.log.open('wb') as stderr:
            self.popen = subprocess.Popen(prefix + self.command, stdout=stdout, stderr=stderr,
                                          stdin=subprocess.DEVNULL, text=True)
        self.pid = self.popen.pid
        self.usage = None
        self.peak_mib = 0.0
        self._over = threading.Event()
        # VmHWM, not ru_maxrss: the latter begins at the size of the process that forked.
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._sampler.start()

    def _sample(self):
        while not self._over.wait(0.05):
            self.peak_mib = max(self.peak_mib, status_mib(self.pid, 'VmHWM'))

    def wait(self, limit):
        """Usage once it has ended by itself; BenchError after `limit` seconds."""
        if self.usage is None:
            late = threading.Event()
            alarm = threading.Timer(limit, lambda: (late.set(), self.popen.kill()))
            alarm.start()
            try:
                _, status, used = os.wait4(self.pid, 0)
            finally:
                alarm.cancel()
            seconds = time.monotonic() - self.started
            self._over.set()
            self._sampler.join()
            self.popen.returncode = os.waitstatus_to_exitcode(status)
            self.usage = Usage(seconds, used.ru_utime + used.ru_stime, self.peak_mib, self.popen.returncode)
            if late.is_set():
                raise BenchError(f'{self.name} did not end within {limit} s{self.last_words()}')
        return self.usage

    def finish(self, limit=900):
        """As wait(), and BenchError unless it ended with 0."""
        usage = self.wait(limit)
        if usage.exit_code != 0:
            raise BenchError(f'{self.name} ended with {usage.exit_code}{self.last_words()}')
        return usage

    def stop(self, limit=30):
        """Asks it to end, and waits."""
        if self.usage is None:
            self.popen.send_signal(signal.SIGTERM)
        return self.finish(limit)

    def kill(self):
        """For the way out after an error."""
        if self.usage is None:
            self.popen.kill()
            with contextlib.suppress(BenchError):
                self.wait(10)

    def running(self):
        """Looks, and leaves it to wait() to reap."""
        return self.usage is None and os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def last_words(self):
        lines = self.log.read_text(errors='replace').splitlines()[-5:]
        return ''.join(f'\n    {line}' for line in lines)

    def logged(self, pattern, limit=10):
        """Waits until the log matches, and gives the match."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            found = re.search(pattern, self.log.read_text(errors='replace'))
            if found:
                return found
            if not self.running():
                break
            time.sleep(0.01)
        raise BenchError(f'{self.name} never said "{pattern}"{self.last_words()}')


def tool_result(command, log, namespace=None, limit=900):
    """Runs a measuring tool of this folder; gives the last line of JSON that it prints."""
    tool = Process(command, log, namespace, stdout=subprocess.PIPE)
    try:
        output = tool.popen.stdout.read()
        tool.finish(limit)
    finally:
        tool.kill()
    return json.loads(output.splitlines()[-1])


class Namespace:
    """A network namespace with a veth pair `source` -> `sink` that nothing else writes to."""

    def __init__(self):
        self.name = f'lc-bench-{os.getpid()}'

    def __enter__(self):
        self._ip('netns', 'add', self.name)
        try:
            # Without IPv6 and ARP the kernel adds no packet of its own.
            self.run('sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1')
            self.run('ip', 'link', 'set', 'lo', 'up')
            self.run('ip', 'link', 'add', 'source', 'type', 'veth', 'peer', 'name', 'sink')
            for end in ('source', 'sink'):
                self.run('ip', 'link', 'set', end, 'arp', 'off', 'up')
        except BaseException:
            self._ip('netns', 'delete', self.name)
            raise
        return self

    def __exit__(self, *_):
        self._ip('netns', 'delete', self.name)

    @staticmethod
    def _ip(*words):
        done = subprocess.run(['ip', *words], capture_output=True, text=True)
        if done.returncode != 0:
            raise BenchError(f'ip {" ".join(words)}: {done.stderr.strip()}')

    def run(self, *words):
        self._ip('netns', 'exec', self.name, *words)
