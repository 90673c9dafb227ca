"""Filters on processors anywhere below, changed from the root: real processords and hunterds, and who refuses what."""
import pathlib
import signal
import statistics
import subprocess
import time
import types

import grpc
import pytest
from conftest import OUR_CAPTURES, REPOSITORY
from grpc_call import Client
from support.operator import Operator
from support.peer import MANAGEMENT
from support.tree import PATIENCE, Tree, wait_for_shape
from support.waiting import wait_until

CALL = OUR_CAPTURES / 'call-media.pcap'
MESSAGES = 'lippycat.management'
CHAIN = 'root', 'middle', 'leaf'
INVALID = 'authorization token invalid: '


class Root:
    """Whoever changes filters below a processord: each change with a token of its own, unless the test says which."""

    def __init__(self, processor, credentials=None):
        self.client = Client(processor.address, credentials)

    def close(self):
        self.client.close()

    def token(self, target):
        return self.client.call(f'{MANAGEMENT}/RequestAuthToken', {'target_processor_id': target})

    def update(self, target, filter_id='f1', token=..., timeout=15, **more):
        wanted = {'id': filter_id, 'pattern': 'alice', 'enabled': True, **more}
        return self._change('UpdateFilterOnProcessor', 'ProcessorFilterRequest', target, token, timeout, filter=wanted)

    def delete(self, target, filter_id='f1', token=...):
        return self._change('DeleteFilterOnProcessor', 'ProcessorFilterDeleteRequest', target, token, 15,
                            filter_id=filter_id)

    def listed(self, target, timeout=15):
        found = self.client.call(f'{MANAGEMENT}/GetFiltersFromProcessor', {'processor_id': target}, timeout=timeout)
        return {each.id: each for each in found.filters}

    def _change(self, method, message, target, token, timeout, **what):
        token = self.token(target) if token is ... else token
        request = self.client.message(f'{MESSAGES}.{message}', processor_id=target, **what)
        if token is not None:  # by its bytes: it may be of another client's classes
            request.auth_token.ParseFromString(token.SerializeToString())
        return self.client.call(f'{MANAGEMENT}/{method}', request, timeout)

    def refused(self, call):
        """Code, text and, of the details, the way to where it failed (None without details)."""
        with pytest.raises(grpc.RpcError) as caught:
            call()
        error = caught.value
        bytes_of = dict(error.trailing_metadata() or ()).get('grpc-status-details-bin')
        path = None
        if bytes_of is not None:
            details = self.client.message(f'{MESSAGES}.ErrorDetails')
            details.ParseFromString(bytes_of)
            assert (details.code, details.message) == (error.code().value[0], error.details())
            failed_at = self.client.message(f'{MESSAGES}.FailedAt')
            assert details.details[0].Unpack(failed_at)
            path = list(failed_at.path)
        return types.SimpleNamespace(code=error.code().name, text=error.details(), path=path)


def freeze(process):
    """Stopped in all its threads, which takes the kernel a moment."""
    process.signal(signal.SIGSTOP)
    threads = pathlib.Path(f'/proc/{process.pid}/task')
    wait_until(lambda: all((thread / 'stat').read_text().rpartition(')')[2].split()[0] == 'T'
                           for thread in threads.iterdir()), 5, f'{process.name} to stand still')


def failed(processor, what):
    return f'operation failed in chain: processor "{processor}"{what}'


@pytest.fixture
def root_of(tree):
    """Starts a chain of processords and gives the console at its root."""
    made = []

    def start(*names):
        tree.chain(*names)
        wait_for_shape(tree.console(names[0]), ' ('.join(names) + ')' * (len(names) - 1))
        made.append(Root(tree.nodes[names[0]]))
        return made[-1]
    yield start
    for each in made:
        each.close()


def test_a_filter_is_in_force_at_the_hunter_of_the_processor_that_is_meant(tree, root_of):
    root = root_of(*CHAIN)
    hunter = tree.hunter('leaf', 'edge-1', CALL)
    hunter.wait_for_log('connected')
    at_leaf, at_middle = Operator(tree.nodes['leaf']), Operator(tree.nodes['middle'])
    try:
        at_leaf.wait_for_hunter('edge-1', lambda h: h.stats.packets_captured, 'its first heartbeat')
        result = root.update('leaf', pattern='nobody-is-called-that')
        assert (result.success, result.hunters_updated, result.hunters_pending, result.filter_id) == (True, 1, 0, 'f1')
        assert at_leaf.hunter('edge-1').stats.filter_revision == result.revision
        assert root.listed('leaf')['f1'].pattern == 'nobody-is-called-that'
        assert not at_middle.listed() and not root.listed('middle') and not root.listed('')
        changed = root.update('/middle/leaf', pattern='alice')
        assert changed.hunters_updated == 1 and changed.revision > result.revision
        assert root.listed('/middle/leaf')['f1'].pattern == 'alice'
        assert root.update('middle', 'f2').hunters_updated == 0
        assert list(root.listed('middle')) == ['f2'] and list(root.listed('leaf')) == ['f1']
        assert root.delete('leaf').hunters_updated == 1
        assert not root.listed('leaf')
        gone = root.refused(lambda: root.delete('leaf'))
        assert (gone.code, gone.path) == ('NOT_FOUND', ['middle', 'leaf']) and '"f1"' in gone.text
        bad = root.refused(lambda: root.update('leaf', type='FILTER_BPF', pattern='port and'))
        assert (bad.code, bad.path) == ('INVALID_ARGUMENT', ['middle', 'leaf'])
        own = root.refused(lambda: root.update('', type='FILTER_BPF', pattern='port and', token=None))
        assert bad.text == own.text, 'as the call of that processor itself says it'
    finally:
        at_leaf.close()
        at_middle.close()


def test_what_is_not_allowed_is_refused_and_says_by_whom(root_of):
    root = root_of(*CHAIN)
    unknown = root.refused(lambda: root.token('nobody'))
    assert (unknown.code, unknown.text) == ('NOT_FOUND', 'no processor below has the id "nobody"')
    unknown = root.refused(lambda: root.update('nobody', token=None))
    assert (unknown.code, unknown.text) == ('NOT_FOUND', 'no processor below has the id "nobody"')

    def check(call, why):
        refusal = root.refused(call)
        assert (refusal.code, refusal.text, refusal.path) == \
            ('UNAUTHENTICATED', failed('root', f': {INVALID}{why}'), [])

    none = 'there is none; RequestAuthToken gives one'
    check(lambda: root.update('leaf', token=None), none)
    check(lambda: root.delete('leaf', token=None), none)
    wrong = 'its signature is wrong'
    forged = root.token('leaf')
    forged.signature = bytes([forged.signature[0] ^ 1]) + forged.signature[1:]
    check(lambda: root.update('leaf', token=forged), wrong)
    forged = root.token('leaf')
    forged.subject = 'somebody-else'
    check(lambda: root.update('leaf', token=forged), wrong)
    forged = root.token('leaf')
    forged.expires_at_ns += 1
    check(lambda: root.update('leaf', token=forged), wrong)
    check(lambda: root.update('leaf', token=root.token('middle')), 'it was issued for another processor')
    once = root.token('leaf')
    assert root.update('leaf', token=once).success
    check(lambda: root.update('leaf', token=once), 'it was used before')
    check(lambda: root.delete('leaf', token=once), 'it was used before')
    assert list(root.listed('leaf')) == ['f1'], 'one change, and it is there'


def test_a_token_of_a_root_that_was_started_again_is_worth_nothing(tree, root_of):
    root = root_of(*CHAIN)
    token = root.token('leaf')
    assert token.algorithm == 'ed25519' and not token.issuer_certificates
    tree.nodes['root'].kill()
    tree.start('root')
    wait_for_shape(tree.console('root'), 'root (middle (leaf))')
    again = Root(tree.nodes['root'])
    try:
        refusal = again.refused(lambda: again.update('leaf', token=token))
        assert (refusal.code, refusal.text) == ('UNAUTHENTICATED', failed('root', f': {INVALID}its signature is wrong'))
        # Its new key has come down the links.
        assert again.update('leaf').success
    finally:
        again.close()


def test_a_processor_that_is_dead_or_silent_is_named(tree, root_of):
    root = root_of('root', 'west', 'middle', 'leaf')
    token = root.token('leaf')
    freeze(tree.nodes['leaf'])
    began = time.monotonic()
    silent = root.refused(lambda: root.update('leaf', token=token, timeout=3))
    assert time.monotonic() - began < 3.5
    assert (silent.code, silent.text, silent.path) == \
        ('DEADLINE_EXCEEDED', failed('leaf', ' did not answer in time'), ['west', 'middle', 'leaf'])
    tree.nodes['leaf'].signal(signal.SIGCONT)

    freeze(tree.nodes['middle'])
    silent = root.refused(lambda: root.listed('leaf', timeout=2))
    assert (silent.code, silent.text, silent.path) == \
        ('DEADLINE_EXCEEDED', failed('middle', ' did not answer in time'), ['west', 'middle'])
    tree.nodes['middle'].kill()
    wait_for_shape(tree.console('root'), 'root (west (middle! (leaf)))')
    dead = root.refused(lambda: root.update('leaf'))
    assert (dead.code, dead.text, dead.path) == ('UNAVAILABLE', failed('middle', ' unreachable'), ['west', 'middle'])

    tree.start('middle', tree.nodes['west'])
    wait_for_shape(tree.console('root'), 'root (west (middle (leaf)))')
    assert root.update('leaf', 'f9').success and 'f9' in root.listed('leaf')


def test_a_link_that_breaks_ends_what_waits_for_it_at_once(tree, root_of):
    root = root_of(*CHAIN)
    freeze(tree.nodes['leaf'])
    path = f'/{MANAGEMENT}/GetFiltersFromProcessor'
    query = root.client.message(f'{MESSAGES}.ProcessorFilterQuery', processor_id='leaf')
    answer = root.client.message(f'{MESSAGES}.FilterResponse')
    call = root.client.channel.unary_unary(path, lambda m: m.SerializeToString(), type(answer).FromString)
    waiting = call.future(query, timeout=20)
    with pytest.raises(grpc.RpcError):  # on its way: the one behind it has waited for its own time
        root.listed('leaf', timeout=1)
    tree.nodes['leaf'].kill()
    refusal = root.refused(lambda: waiting.result(timeout=2))
    assert (refusal.code, refusal.text) == ('UNAVAILABLE', failed('leaf', ' unreachable'))


@pytest.fixture(scope='module')
def roles(tmp_path_factory):
    """Certificates, and the processors' is good for these ids."""
    folder = tmp_path_factory.mktemp('roles')
    subprocess.run([REPOSITORY / 'tests' / 'certificates', folder, *(f'DNS:{name}' for name in CHAIN)], check=True,
                   timeout=60)
    return folder


def tls(folder):
    return ['--tls-cert', folder / 'processor.crt', '--tls-key', folder / 'processor.key', '--tls-ca', folder / 'ca.crt']


def as_client(folder, name):
    content = [(folder / file).read_bytes() for file in ('ca.crt', f'{name}.key', f'{name}.crt')]
    return grpc.ssl_channel_credentials(*content)


@pytest.fixture
def client_as(roles):
    """Makes clients of a processord with one of the certificates."""
    made = []

    def make(processor, name):
        made.append(Root(processor, as_client(roles, name)))
        return made[-1]
    yield make
    for each in made:
        each.close()


def test_with_tls_the_role_in_the_certificate_says_who_may_change(programs, roles, client_as, tmp_path):
    tree = Tree(programs, tmp_path, *tls(roles))
    tree.chain(*CHAIN)
    operator = client_as(tree.nodes['root'], 'operator')

    def whole():
        node = operator.client.call(f'{MANAGEMENT}/GetTopology').processor
        return [each.processor_id for each in (node.downstream_processors and node.downstream_processors[0]
                                               .downstream_processors)]
    wait_until(lambda: whole() == ['leaf'], PATIENCE, 'the leaf')
    token = operator.token('leaf')
    assert (token.subject, token.issuer_id, list(token.processor_chain)) == ('operator-1', 'root', list(CHAIN))
    assert token.algorithm == 'ecdsa-sha256' and b'PRIVATE KEY' not in token.issuer_certificates
    assert operator.update('leaf', token=token).success
    assert list(operator.listed('leaf')) == ['f1']

    for name, has in (('viewer', '"viewer-1" has the role viewer'), ('client', '"hunter-1" has the role hunter'),
                      ('processor', '"localhost" has the role processor'),
                      ('no-role', '"no-role-1" has none (see --default-role)')):
        other = client_as(tree.nodes['root'], name)
        for call in (lambda: other.token('leaf'), lambda: other.update('leaf', token=operator.token('leaf')),
                     lambda: other.delete('leaf', token=operator.token('leaf')), lambda: other.update('', token=None),
                     lambda: other.delete('', token=None)):
            refusal = other.refused(call)
            assert (refusal.code, refusal.text) == \
                ('PERMISSION_DENIED', f'changes are for the roles operator and admin; {has}')
        assert list(other.listed('leaf')) == ['f1'], 'reading is allowed'
    assert operator.update('', token=None).success


def test_certificates_without_a_role_have_the_one_that_the_settings_give_them(programs, roles, client_as, tmp_path):
    processor = programs.processord('--processor-id', 'root', '--state-dir', tmp_path / 'state', '--default-role',
                                    'operator', *tls(roles))
    assert client_as(processor, 'no-role').update('', token=None).success
    viewer = client_as(processor, 'viewer')
    assert viewer.refused(lambda: viewer.update('', token=None)).code == 'PERMISSION_DENIED'


def test_a_default_role_without_certificates_is_a_fault(programs):
    for program, more in (('processord', []), ('tapd', ['--interface', 'lo'])):
        checked = programs.run(program, '--check-config', '--listen', '127.0.0.1:0', '--default-role', 'operator', *more)
        assert checked.code == 78 and '--default-role needs --tls-ca' in checked.log + checked.output


def test_a_root_whose_certificate_is_another_ids_says_what_is_missing(programs, roles, client_as, tmp_path):
    processor = programs.processord('--processor-id', 'other', '--state-dir', tmp_path / 'state', *tls(roles))
    operator = client_as(processor, 'operator')
    refusal = operator.refused(lambda: operator.token(''))
    assert refusal.code == 'FAILED_PRECONDITION' and '"other"' in refusal.text and 'DNS name' in refusal.text


@pytest.mark.deadline(120)
def test_two_hundred_changes_reach_the_end_of_a_chain_of_ten(tree, root_of):
    names = [f'p{level}' for level in range(10)]
    root = root_of(*names)
    hunter = tree.hunter('p9', 'edge-1', CALL)
    hunter.wait_for_log('connected')
    at_target = Operator(tree.nodes['p9'])
    took_ms = []
    try:
        at_target.wait_for_hunter('edge-1', lambda h: h.stats.packets_captured, 'its first heartbeat')
        for number in range(200):
            token = root.token('p9')
            began = time.monotonic()
            result = root.update('p9', f'f{number % 20}', token=token, pattern=f'user-{number}')
            took_ms.append((time.monotonic() - began) * 1000)
            assert (result.hunters_updated, result.hunters_pending) == (1, 0)
        wanted = {f'f{i}': f'user-{180 + i}' for i in range(20)}
        assert {each.id: each.pattern for each in root.listed('p9').values()} == wanted
        assert {each.id: each.pattern for each in at_target.listed('edge-1').values()} == wanted
        assert at_target.hunter('edge-1').stats.filter_revision == result.revision
    finally:
        at_target.close()
    took_ms.sort()
    print(f'a change at depth 9 until its hunter has confirmed it: median {statistics.median(took_ms):.1f} ms, '
          f'99 % {took_ms[197]:.1f} ms')
