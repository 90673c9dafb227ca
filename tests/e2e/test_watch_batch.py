"""lcwatch without a terminal: what scripts are given of real processords and hunterds, and its exit codes."""
import json
import signal
import subprocess

import pytest
from conftest import OUR_CAPTURES
from support.capture_file import read
from support.tree import PATIENCE
from support.waiting import wait_until

CALL = OUR_CAPTURES / 'call-media.pcap'
CHAIN = 'root', 'middle', 'leaf'


@pytest.fixture
def watch(programs, tmp_path):
    """Runs lcwatch to its end: exit code, standard output, standard error."""
    def run(*options, within=30):
        done = subprocess.run([programs.path('lcwatch'), *map(str, options)], capture_output=True, text=True,
                              timeout=within, check=False, stdin=subprocess.DEVNULL,
                              env={'HOME': str(tmp_path), 'PATH': '/usr/bin:/bin'})
        return done.returncode, done.stdout, done.stderr
    return run


def documents(watch, *options):
    code, out, err = watch(*options, '--json')
    assert code == 0, err
    return json.loads(out)


def by_id(nodes):
    return {(node['path'], node['id']): node for node in nodes}


def at_leaf(watch, tree):
    """A chain of three with a hunter below the last, once the root's console sees it capture."""
    tree.chain(*CHAIN)
    tree.hunter('leaf', 'h1', CALL)
    at_root = '--addr', tree.nodes['root'].address

    def seen():
        found = by_id(documents(watch, *at_root, '--batch', 'nodes')).get(('/middle/leaf', 'h1'))
        return found if found and found['figures'] and found['figures']['packets_captured'] > 0 else None
    return at_root, wait_until(seen, PATIENCE, 'a hunter with figures at the root')


def test_nodes_and_topology_are_shown_with_all_levels(watch, tree):
    at_root, hunter = at_leaf(watch, tree)
    assert list(hunter)[:5] == ['kind', 'server', 'path', 'id', 'state']
    assert (hunter['kind'], hunter['state'], hunter['interfaces']) == ('hunter', 'HEALTHY', [str(CALL)])
    nodes = by_id(documents(watch, *at_root, '--batch', 'nodes'))
    assert list(nodes) == [('/', 'root'), ('/middle', 'middle'), ('/middle/leaf', 'leaf'), ('/middle/leaf', 'h1')]
    assert all(node['figures'] for node in nodes.values())

    (top,) = documents(watch, *at_root, '--batch', 'topology')
    leaf = top['processors'][0]['processors'][0]
    assert (top['id'], leaf['path'], [each['id'] for each in leaf['hunters']]) == ('root', '/middle/leaf', ['h1'])

    code, out, _ = watch(*at_root, '--batch', 'nodes')
    assert code == 0
    assert out.splitlines()[0].split()[:3] == ['NODE', 'KIND', 'STATE']
    assert len(out.splitlines()) == 5


def test_a_filter_two_levels_below_is_added_changed_and_removed(watch, tree):
    at_root, _ = at_leaf(watch, tree)

    def listed(where):
        return {each['id']: each for each in documents(watch, *at_root, '--batch', 'filters', '--on', where)}
    code, out, err = watch('filter', 'add', 'ada', '--type', 'sip-user', '--pattern', 'ada', *at_root, '--on', 'leaf')
    assert (code, out) == (0, 'filter "ada" saved, in force at 1 hunter\n'), err
    assert listed('/middle/leaf')['ada']['enabled'] is True
    assert not listed('/middle')
    assert watch('filter', 'disable', 'ada', *at_root, '--on', '/middle/leaf')[0] == 0
    assert listed('leaf')['ada']['enabled'] is False
    assert watch('filter', 'rm', 'ada', *at_root, '--on', 'leaf')[0] == 0
    assert not listed('leaf')

    code, out, err = watch('filter', 'rm', 'ada', *at_root, '--on', 'leaf')
    assert (code, out) == (1, '')
    assert err == 'lcwatch: no filter has the id "ada" (at /middle/leaf)\n'
    assert watch('filter', 'add', '--type', 'bpf', '--pattern', 'no such', *at_root)[0] == 1
    assert watch('filter', 'list', *at_root, '--on', 'nowhere')[0] == 1


def test_calls_and_packets_are_objects_of_one_line(watch, tree):
    at_root, _ = at_leaf(watch, tree)

    def call():
        found = documents(watch, *at_root, '--batch', 'calls')
        return found[0] if found and found[0]['streams'] else None
    found = wait_until(call, PATIENCE, 'a call with media at the root')
    assert (found['from'], found['to']) == ('ada', 'grace')
    assert {leg['call_id'] for leg in found['legs']} == {stream['call_id'] for stream in found['streams']}

    code, out, err = watch(*at_root, '--batch', 'packets', '--json', '--count', 20)
    assert code == 0, err
    packets = [json.loads(line) for line in out.splitlines()]
    assert [packet['number'] for packet in packets] == list(range(1, 21))
    assert {packet['interface'] for packet in packets} == {str(CALL)}


def test_what_changes_is_followed_until_a_signal(programs, tree):
    tree.chain(*CHAIN)
    console = programs.processes.start(
        [programs.path('lcwatch'), '--addr', tree.nodes['root'].address, '--batch', 'topology', '--follow', '--json'],
        'lcwatch')

    def lines():
        return [json.loads(line) for line in console.output.splitlines(True) if line.endswith('\n')]
    wait_until(lines, PATIENCE, 'the tree')
    hunter = tree.hunter('leaf', 'h9', CALL)
    wait_until(lambda: any(each['event'] == 'hunter_connected' and each['id'] == 'h9' and each['path'] == '/middle/leaf'
                           for each in lines()), PATIENCE, 'the hunter')
    hunter.kill()
    wait_until(lambda: any(each['event'] == 'hunter_disconnected' for each in lines()), PATIENCE, 'that it is gone')
    assert lines()[0]['event'] == 'snapshot'
    console.signal(signal.SIGINT)
    assert console.wait() == 0


@pytest.mark.parametrize('expression', ['', 'udp port 5060'])
def test_a_dump_has_every_packet_as_it_was_captured(programs, tmp_path, expression):
    processor = programs.processord()
    dump = programs.processes.start(
        [programs.path('lcwatch'), '--addr', processor.address, '--dump', tmp_path / 'dump.pcapng',
         *(['--bpf', expression] if expression else [])], 'lcwatch')
    # Its first block says that the file is there; that the subscription stands, only packets do.
    wait_until(lambda: (tmp_path / 'dump.pcapng').exists(), 10, 'the file')
    whole = [(p.time_ns, p.link_type, p.length, p.data) for p in read(CALL)]
    if expression:
        whole = [p for p in whole if b'SIP/2.0' in p[3]]

    def dumped():
        found = read(tmp_path / 'dump.pcapng', torn_tail=True)
        return [(p.time_ns, p.link_type, p.length, p.data) for p in found]

    def has_one_round():
        programs.run('hunterd', '--processor', processor.address, '--interface', CALL, '--hunter-id', 'h1')
        return len(dumped()) >= len(whole)
    wait_until(has_one_round, 40, 'all packets of a round')
    wait_until(lambda: len(dumped()) % len(whole) == 0, 10, 'whole rounds')
    assert dump.stop() == 0
    assert dumped()[-len(whole):] == whole


def test_a_dump_is_read_live_by_tshark_and_ends_with_its_reader(programs, tree):
    tree.chain('root')
    tree.hunter('root', 'h1', CALL)
    dump = subprocess.Popen([programs.path('lcwatch'), '--addr', tree.nodes['root'].address, '--dump', '-'],
                            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        shown = subprocess.run(['tshark', '-r', '-', '-c', '100', '-T', 'fields', '-e', 'ip.src', '-e', 'frame.interface_name'],
                               stdin=dump.stdout, capture_output=True, text=True, timeout=30, check=True).stdout
        dump.stdout.close()
        assert len(shown.splitlines()) == 100
        assert all(str(CALL) in line for line in shown.splitlines())
        assert dump.wait(15) == 0
    finally:
        dump.kill()
        dump.wait()


def test_exit_codes_say_what_was_wrong(programs, watch, certificates, tmp_path):
    assert watch('--addr', '127.0.0.1:1', '--batch', 'nodes') == (
        69, '', 'lcwatch: 127.0.0.1:1: failed to connect to processor: connection refused\n')
    code, out, err = watch('--addr', '127.0.0.1:1')
    assert (code, out) == (2, '')
    assert err == 'lcwatch: the console needs a terminal; for scripts there are --batch, --dump and lcwatch filter\n'
    assert watch('--batch', 'nothing')[0] == 2
    assert watch('--json')[0] == 2
    assert watch('filter')[0] == 2
    assert watch('filter', 'add', '--pattern', 'x')[0] == 2
    (tmp_path / 'nodes.yaml').write_text('processors:\n  - {name: a, adress: "localhost:1"}\n', encoding='utf-8')
    code, _, err = watch('--nodes-file', tmp_path / 'nodes.yaml', '--batch', 'nodes')
    assert code == 78
    assert f'{tmp_path}/nodes.yaml:2: unknown key "adress"; did you mean "address"?' in err

    def tls(name, ca='ca'):
        return ['--tls-cert', certificates / f'{name}.crt', '--tls-key', certificates / f'{name}.key',
                '--tls-ca', certificates / f'{ca}.crt']
    processor = programs.processord(*tls('server'))
    here = '--addr', f'localhost:{processor.port}'
    add = 'filter', 'add', '--type', 'sip-user', '--pattern', 'ada'
    assert watch(*here, *tls('viewer'), '--batch', 'nodes')[0] == 0
    assert watch(*add, *here, *tls('operator'))[0] == 0
    code, _, err = watch(*add, *here, *tls('viewer'))
    assert code == 77
    assert 'changes are for the roles operator and admin' in err
    code, _, err = watch(*here, *tls('operator', ca='other-ca'), '--batch', 'nodes')
    assert code == 69
    assert 'certificate' in err
    code, _, err = watch(*here, *tls('other'), '--batch', 'nodes')
    assert code == 69


def test_processors_of_the_nodes_file_are_shown_by_name(programs, watch, tmp_path):
    processors = {name: programs.processord('--processor-id', name) for name in ('east', 'west')}
    text = 'processors:\n' + ''.join(f'  - name: site-{name}\n    address: {p.address}\n    subscribed_hunters: [h1]\n'
                                     for name, p in processors.items())
    path = tmp_path / '.config' / 'lippycat' / 'nodes.yaml'
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding='utf-8')
    nodes = documents(watch, '--batch', 'nodes')
    assert [(node['server'], node['id']) for node in nodes] == [('site-east', 'east'), ('site-west', 'west')]
    processors['west'].stop()
    code, out, err = watch('--batch', 'nodes', '--json')
    assert code == 69
    assert [node['id'] for node in json.loads(out)] == ['east']
    assert err.startswith('lcwatch: site-west: failed to connect')
