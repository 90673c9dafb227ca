"""The Debian packages: what is in them, and the life of an installation on a machine that has nothing else."""
import os
import pathlib
import re
import shutil
import subprocess
import types

import pytest
from machine import REPOSITORY, Machine, base_with, run
from support.waiting import wait_until

OUT = REPOSITORY / 'build' / 'packages'
# Program by role.
PROGRAMS = {'hunter': 'hunterd', 'processor': 'processord', 'tap': 'tapd'}
ROLES = sorted(PROGRAMS)
CALL = REPOSITORY / 'tests' / 'data' / 'call-media.pcap'
STORED = '/var/log/lippycat/capture.pcap'
PROCESSOR = f'processor:\n  listen_addr: 127.0.0.1:55555\n  write_file: {STORED}\n'
HUNTER = 'hunter:\n  processor_addr: 127.0.0.1:55555\n  interfaces: [lo]\n  bpf_filter: udp port 5060\n'

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='needs root to make a machine to install on')


def sources():
    """What goes into the packages, or says how they are made; tests do not."""
    inside = [REPOSITORY / name for name in ('.git', 'build', 'tests', 'packaging/debian/tests')]
    files = run('find', REPOSITORY, *(word for folder in inside for word in ('-path', folder, '-prune', '-o')),
                '-type', 'f', '-print0').stdout.split('\0')
    return [pathlib.Path(file) for file in files if file]


@pytest.fixture(scope='session')
def debs():
    """The package files by name; made if one is older than a source."""
    run(REPOSITORY / 'deploy' / 'install-dependencies', 'build', 'package', timeout=300)
    made = list(OUT.glob('*.deb'))
    newest = max(file.stat().st_mtime for file in sources())
    if len(made) != len(ROLES) + 1 or min(deb.stat().st_mtime for deb in made) < newest:
        run(REPOSITORY / 'packaging' / 'build', timeout=3600)
        made = list(OUT.glob('*.deb'))
    return {deb.name.split('_')[0]: deb for deb in made}


@pytest.fixture(scope='session')
def unpacked(debs, tmp_path_factory):
    """All packages in one folder, as they lie on a disk."""
    folder = tmp_path_factory.mktemp('unpacked')
    for deb in debs.values():
        run('dpkg-deb', '-x', deb, folder)
    return folder


@pytest.fixture(scope='session')
def base(debs):
    needed = {'systemd-sysv', 'procps'}
    for deb in debs.values():
        depends = run('dpkg-deb', '-f', deb, 'Depends').stdout
        needed |= {alternatives.split('|')[0].split('(')[0].strip() for alternatives in depends.split(',')}
    return base_with(sorted(name for name in needed if name and not name.startswith('lippycat')))


@pytest.fixture
def machine(base):
    made = Machine(base)
    yield made
    made.close()


@pytest.fixture
def of_role(debs):
    """The package files for some roles, with what they share."""
    return lambda *roles: [debs['lippycat-common'], *(debs[f'lippycat-{role}'] for role in roles)]


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob('*') if not path.is_dir())


def newer(deb, folder, conffile):
    """The same package as version 0.1.0-2, with a line more in its conffile."""
    tree = folder / deb.stem
    run('dpkg-deb', '-R', deb, tree)
    control = tree / 'DEBIAN' / 'control'
    control.write_text(control.read_text(encoding='utf-8').replace('0.1.0-1', '0.1.0-2'), encoding='utf-8')
    if conffile:
        with open(tree / conffile.lstrip('/'), 'a', encoding='utf-8') as file:
            file.write('# of the new version\n')
    made = folder / f'{deb.stem}-new.deb'
    run('dpkg-deb', '--root-owner-group', '-b', tree, made)
    return made


def options_of(unpacked, role):
    """Long options by --help, letters too."""
    text = run(unpacked / 'usr/sbin' / PROGRAMS[role], '--help').stdout
    return re.findall(r'^  (?:-(\w), |    )--([a-z][a-z0-9-]*)', text, re.MULTILINE)


def test_lintian_has_no_errors_or_warnings(debs):
    run('lintian', '--allow-root', '--fail-on', 'error,warning', *debs.values(), timeout=180)


def test_packages_put_files_only_where_they_may(debs, unpacked):
    for name in files_below(unpacked):
        assert name.startswith(('usr/sbin/', 'usr/share/', 'usr/lib/', 'lib/systemd/system/', 'etc/lippycat/')), name
        assert not (unpacked / name).stat().st_mode & 0o6000, f'{name} is setuid or setgid'
    for role in ROLES:
        conffiles = run('dpkg-deb', '-I', debs[f'lippycat-{role}'], 'conffiles').stdout.split()
        assert conffiles == [f'/etc/lippycat/{role}.yaml']


@pytest.mark.parametrize('role', ROLES)
def test_a_unit_exposes_little_and_has_no_capability_but_one_to_capture(unpacked, role):
    unit = unpacked / f'lib/systemd/system/lippycat-{role}.service'
    run('systemd-analyze', 'security', '--offline=true', '--threshold=20', unit)
    settings = unit.read_text(encoding='utf-8')
    capable = re.findall(r'^(?:Ambient|CapabilityBounding)\w*=(.*)$', settings, re.MULTILINE)
    assert capable == ([''] * 2 if role == 'processor' else ['CAP_NET_RAW'] * 2)


@pytest.mark.parametrize('page', ['hunterd.8', 'processord.8', 'tapd.8', 'lippycat.yaml.5'])
def test_a_manual_page_is_formatted_without_a_warning(unpacked, page):
    file = unpacked / f'usr/share/man/man{page[-1]}/{page}.gz'
    text = run('gzip', '-dc', file).stdout
    for command in (['groff', '-man', '-ww', '-z', '-Tutf8'], ['man', '--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-']):
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=True, timeout=60,
                              env=dict(os.environ, MANWIDTH='100', LC_ALL='C.UTF-8'))
        assert done.stderr == ''


@pytest.mark.parametrize('role', ROLES)
def test_each_option_and_key_of_help_is_in_the_manual(unpacked, role):
    program = PROGRAMS[role]
    page = run('gzip', '-dc', unpacked / f'usr/share/man/man8/{program}.8.gz').stdout.replace('\\-', '-')
    found = options_of(unpacked, role)
    assert len(found) > 20
    for letter, name in found:
        assert re.search(rf'^\.B {f"-{letter}, " if letter else ""}--{name}\b', page, re.MULTILINE), name
    keys = run('gzip', '-dc', unpacked / 'usr/share/man/man5/lippycat.yaml.5.gz').stdout.replace('\\-', '-')
    example = (unpacked / f'etc/lippycat/{role}.yaml').read_text(encoding='utf-8')
    for key in re.findall(r'file:\s+([a-z_]+\.[a-z_]+)\)', run(unpacked / 'usr/sbin' / program, '--help').stdout):
        assert f'\n.B {key}\n' in keys, key
        assert f'\n  #{key.partition(".")[2]}: ' in example, key


@pytest.mark.parametrize('role', ROLES)
def test_bash_completes_options_and_values(unpacked, role):
    program = PROGRAMS[role]

    def completed(*words):
        script = (f'source /usr/share/bash-completion/bash_completion\n'
                  f'source {unpacked}/usr/share/bash-completion/completions/{program}\n'
                  f'COMP_WORDS=({program} "$@")\nCOMP_CWORD=$#\n_{program} 2>/dev/null\nprintf "%s\\n" "${{COMPREPLY[@]}}"')
        return run('bash', '-c', script, 'bash', *words).stdout.split()
    assert completed('--') == [f'--{name}' for _, name in options_of(unpacked, role)]
    assert completed('--print') == ['--print-config']
    assert completed('--log-format', '') == ['text', 'json']
    assert completed('--log-format', '=', 'j') == ['json']
    assert completed('--tls-cert', f'{CALL.parent}/call-media.pcapn') == [f'{CALL.parent}/call-media.pcapng']


def test_installed_without_debhelper_the_same_files_are_there(unpacked, tmp_path):
    build = REPOSITORY / 'build' / 'release'
    if not (build / 'bin' / 'lc-docs').exists():
        pytest.skip('build/release is not built: cmake --build --preset release')
    run('cmake', '--install', build, '--prefix', tmp_path)
    installed = {name for name in files_below(tmp_path) if not name.startswith('share/doc/')}
    packaged = {name.removeprefix('usr/').removesuffix('.gz') for name in files_below(unpacked)
                if name.startswith(('usr/sbin', 'usr/share/man', 'usr/share/bash-completion'))}
    assert installed == packaged


def capture_goes_on(machine, stored):
    """Sends to the port that the hunter captures until one more packet is stored."""
    def size():
        return int(machine('stat', '-c', '%s', stored, check=False).stdout.split()[-1].replace('directory', '0'))
    before = size()

    def arrived():
        machine('bash', '-c', 'echo hello >/dev/udp/127.0.0.1/5060', check=False)
        return size() > before
    wait_until(arrived, 20, f'a packet more in {stored}')


def status_of(machine, unit):
    text = machine('cat', f'/proc/{machine.pid(unit)}/status').stdout
    return types.SimpleNamespace(
        user=machine('stat', '-c', '%U', f'/proc/{machine.pid(unit)}').stdout.strip(),
        capabilities=int(re.search(r'^CapEff:\s+(\w+)', text, re.MULTILINE)[1], 16),
        no_new_privileges=re.search(r'^NoNewPrivs:\s+(\d)', text, re.MULTILINE)[1],
        seccomp=re.search(r'^Seccomp:\s+(\d)', text, re.MULTILINE)[1])


NET_RAW = 1 << 13


def test_nothing_runs_before_it_is_configured_then_all_work_in_their_sandbox(machine, of_role):
    machine.install(*of_role('hunter', 'processor', 'tap'))
    verified = machine('systemd-analyze', 'verify', '--man=no', *(f'lippycat-{role}.service' for role in ROLES))
    assert verified.stdout == ''
    for role in ROLES:
        assert machine('systemctl', 'is-enabled', f'lippycat-{role}', check=False).stdout.strip() == 'disabled'
        assert machine.state(f'lippycat-{role}') == 'inactive'
    assert re.search(r'^_lippycat:x:\d+:\d+:.*:/usr/sbin/nologin$', machine('getent', 'passwd', '_lippycat').stdout)

    # As shipped: what is missing is said, with exit code 78, and by the unit too.
    for role, missing in (('hunter', '--processor HOST:PORT is required'),
                          ('processor', 'plaintext is allowed on loopback only')):
        check = machine(PROGRAMS[role], '--check-config', check=False)
        assert check.returncode == 78 and missing in check.stdout
        assert machine('systemctl', 'start', f'lippycat-{role}', check=False).returncode != 0
        wait_until(lambda: missing in machine.journal(f'lippycat-{role}'), 20, 'the reason in the journal')
        wait_until(lambda: machine.state(f'lippycat-{role}') == 'failed', 30, 'the unit to give up')

    machine.write('/etc/lippycat/processor.yaml', PROCESSOR)
    machine.write('/etc/lippycat/hunter.yaml', HUNTER)
    machine('systemctl', 'reset-failed')
    machine('systemctl', 'start', 'lippycat-processor', 'lippycat-hunter')
    capture_goes_on(machine, STORED)
    hunter, processor = (status_of(machine, f'lippycat-{role}') for role in ('hunter', 'processor'))
    assert (hunter.user, hunter.capabilities, hunter.no_new_privileges, hunter.seccomp) == ('_lippycat', NET_RAW, '1', '2')
    assert (processor.user, processor.capabilities, processor.seccomp) == ('_lippycat', 0, '2')
    assert machine('stat', '-c', '%U %a', STORED).stdout.strip() == '_lippycat 640'

    before = machine.pid('lippycat-processor')
    machine('systemctl', 'reload', 'lippycat-processor')
    capture_goes_on(machine, STORED)
    assert machine.pid('lippycat-processor') == before
    machine('systemctl', 'stop', 'lippycat-hunter', 'lippycat-processor')
    for role in ('hunter', 'processor'):
        assert machine('systemctl', 'show', '--property=Result', '--value', f'lippycat-{role}').stdout.strip() == 'success'

    machine.write('/etc/lippycat/tap.yaml', 'tap:\n  interfaces: [lo]\n  bpf_filter: udp port 5060\n'
                                            '  write_file: /var/lib/lippycat/captures.pcap\n')
    machine('systemctl', 'start', 'lippycat-tap')
    wait_until(lambda: machine.has('/var/lib/lippycat/captures.pcap'), 20, 'the file of the tap')
    capture_goes_on(machine, '/var/lib/lippycat/captures.pcap')
    tap = status_of(machine, 'lippycat-tap')
    assert (tap.user, tap.capabilities, tap.seccomp) == ('_lippycat', NET_RAW, '2')


def test_an_upgrade_keeps_what_was_edited_and_a_purge_leaves_only_what_is_not_ours(machine, of_role, debs, tmp_path):
    roles = 'hunter', 'processor'
    machine.install(*of_role(*roles))
    machine.write('/etc/lippycat/processor.yaml', PROCESSOR)
    machine.write('/etc/lippycat/hunter.yaml', HUNTER)
    machine('systemctl', 'start', 'lippycat-processor')
    running = machine.pid('lippycat-processor')
    machine.install(*of_role(*roles))
    assert machine.root.joinpath('etc/lippycat/processor.yaml').read_text(encoding='utf-8') == PROCESSOR

    # What ran is restarted, what did not run is not started; the new version's conffile lies beside the edited one.
    machine.install(newer(debs['lippycat-common'], tmp_path, None),
                    *(newer(debs[f'lippycat-{role}'], tmp_path, f'/etc/lippycat/{role}.yaml') for role in roles))
    assert machine('dpkg-query', '-f', '${Version}', '-W', 'lippycat-processor').stdout == '0.1.0-2'
    wait_until(lambda: machine.state('lippycat-processor') == 'active', 20, 'the processor to run again')
    assert machine.pid('lippycat-processor') != running
    assert machine.state('lippycat-hunter') == 'inactive'
    for role, text in (('processor', PROCESSOR), ('hunter', HUNTER)):
        assert (machine.root / f'etc/lippycat/{role}.yaml').read_text(encoding='utf-8') == text
        assert '# of the new version' in (machine.root / f'etc/lippycat/{role}.yaml.dpkg-dist').read_text(encoding='utf-8')

    machine('systemctl', 'start', 'lippycat-hunter')
    wait_until(lambda: machine.shell('ls /var/lib/lippycat').stdout.count('-') >= 2, 20, 'both to have their state')
    machine.shell('mkdir /var/lib/lippycat/captures && echo mine >/var/lib/lippycat/captures/mine.pcap')
    machine('dpkg', '--remove', *(f'lippycat-{role}' for role in roles), 'lippycat-common')
    for role in roles:
        assert machine.state(f'lippycat-{role}') != 'active'
        assert machine.has(f'/etc/lippycat/{role}.yaml')
    assert machine.shell('ls /var/lib/lippycat').stdout.count('-') >= 2

    machine('dpkg', '--purge', *(f'lippycat-{role}' for role in roles), 'lippycat-common')
    assert not machine.has('/etc/lippycat')
    assert machine.shell('find /var/lib/lippycat -type f').stdout.split() == ['/var/lib/lippycat/captures/mine.pcap']
    assert machine('getent', 'passwd', '_lippycat').stdout
    left = machine.shell("find / -xdev -iname '*lippycat*' -not -path '/proc/*' -not -path '/root/*'").stdout.split()
    assert set(left) <= {'/var/lib/lippycat', '/var/log/lippycat'}, left
    assert files_below(machine.changes / 'usr/local') == []


def test_a_purge_of_an_untouched_installation_leaves_no_folder(machine, of_role):
    machine.install(*of_role('processor'))
    machine.shell('mkdir /var/lib/lippycat/processord-x && echo >/var/lib/lippycat/processord-x/journal')
    machine('dpkg', '--purge', 'lippycat-processor', 'lippycat-common')
    for folder in ('/etc/lippycat', '/var/lib/lippycat', '/var/log/lippycat', '/usr/share/doc/lippycat-common'):
        assert not machine.has(folder), folder


def test_the_smoke_test_of_the_package_passes_on_an_installation(machine, of_role):
    machine.install(*of_role('hunter', 'processor'))
    smoke = REPOSITORY / 'packaging' / 'debian' / 'tests' / 'smoke'
    shutil.copy(smoke, machine.root / 'root' / 'smoke')
    assert 'two packets captured and stored' in machine('/root/smoke').stdout
