"""A Debian 12 of its own with a running systemd: debootstrap once, an overlay on that for each test, systemd-nspawn."""
import os
import pathlib
import subprocess
import tempfile

from support.waiting import wait_until

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BASE = REPOSITORY / 'build' / 'package-base'
MIRROR = 'http://deb.debian.org/debian'


def run(*command, check=True, **more):
    """Its standard output and error together, and its exit code."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL, timeout=more.pop('timeout', 60), check=False, **more)
    assert not check or done.returncode == 0, f'{command}: exit code {done.returncode}\n{done.stdout}'
    return done


def base_with(packages):
    """A minimal Debian that has these packages and what they need, and nothing else; kept in the build folder."""
    if not BASE.exists():
        part = BASE.with_suffix('.part')
        run('rm', '-rf', part)
        run('debootstrap', '--variant=minbase', 'bookworm', part, MIRROR, timeout=900)
        part.rename(BASE)
    installed = run('dpkg-query', '--root', BASE, '-f', '${db:Status-Status} ${Package}\\n', '-W').stdout.splitlines()
    missing = [package for package in packages if f'installed {package}' not in installed]
    if missing:
        environment = dict(os.environ, DEBIAN_FRONTEND='noninteractive')
        run('chroot', BASE, 'apt-get', 'update', '-q', timeout=120)
        run('chroot', BASE, 'apt-get', 'install', '-q', '-y', '--no-install-recommends', *missing, timeout=600,
            env=environment)
    return BASE


class Machine:
    def __init__(self, base):
        self._scratch = tempfile.TemporaryDirectory(prefix='lc-machine-')
        scratch = pathlib.Path(self._scratch.name)
        # Not in the scratch folder itself, which may be an overlay, where no upper layer can be.
        run('mount', '-t', 'tmpfs', 'tmpfs', scratch)
        self.changes = scratch / 'changes'
        self.root = scratch / 'root'
        for folder in (self.changes, scratch / 'work', self.root):
            folder.mkdir()
        self._nspawn = None
        run('mount', '-t', 'overlay', 'overlay', '-o',
            f'lowerdir={base},upperdir={self.changes},workdir={scratch / "work"}', self.root)
        try:
            self._boot()
        except BaseException:
            self.close()
            raise

    def _boot(self):
        self._console = open(self.changes.parent / 'console', 'w+', encoding='utf-8')
        self._nspawn = subprocess.Popen(
            ['systemd-nspawn', '-D', self.root, '--boot', '--register=no', '--keep-unit', '--private-network',
             f'--machine=lc-{os.getpid()}'],
            stdin=subprocess.DEVNULL, stdout=self._console, stderr=subprocess.STDOUT,
            env=dict(os.environ, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY='1'))
        self._init = wait_until(self._find_init, 30, 'the machine to have a first process')
        wait_until(lambda: self('systemctl', 'is-system-running', check=False).stdout.strip() in
                   ('running', 'degraded'), 60, 'the machine to have booted')

    def _find_init(self):
        assert self._nspawn.poll() is None, (self.changes.parent / 'console').read_text(encoding='utf-8')
        return run('pgrep', '-P', self._nspawn.pid, '-x', 'systemd', check=False).stdout.strip()

    def __call__(self, *command, **more):
        return run('nsenter', '-t', self._init, '-m', '-u', '-i', '-n', '-p', '-r', '-w', *command, **more)

    def shell(self, script, **more):
        return self('sh', '-c', script, **more)

    def install(self, *debs):
        """With dpkg alone: what a package needs must be there, for the base has it from the Depends."""
        for deb in debs:
            run('cp', deb, self.root / 'root')
        names = [f'/root/{pathlib.Path(deb).name}' for deb in debs]
        environment = dict(os.environ, DEBIAN_FRONTEND='noninteractive')
        return self('dpkg', '--force-confdef', '-i', *names, env=environment)

    def write(self, path, text):
        (self.root / path.lstrip('/')).write_text(text, encoding='utf-8')

    def has(self, path):
        return self('test', '-e', path, check=False).returncode == 0

    def state(self, unit):
        return self('systemctl', 'is-active', unit, check=False).stdout.strip()

    def pid(self, unit):
        return int(self('systemctl', 'show', '--property=MainPID', '--value', unit).stdout)

    def journal(self, unit):
        return self('journalctl', '--no-pager', '-o', 'cat', '-u', unit, check=False).stdout

    def close(self):
        if self._nspawn is not None:
            self._nspawn.terminate()  # systemd-nspawn asks the machine to power off
            try:
                self._nspawn.wait(30)
            except subprocess.TimeoutExpired:
                self._nspawn.kill()
                self._nspawn.wait()
            self._console.close()
        run('umount', self.root, check=False)
        run('umount', self._scratch.name, check=False)
        self._scratch.cleanup()
