"""Each mistake gives one clear line and its exit code or status, and no hunter that works notices anything."""
import json
import os
import socket
import subprocess

import grpc
import pytest
from conftest import OUR_CAPTURES
from grpc_call import Client
from support.peer import Peer

CALL = OUR_CAPTURES / 'call-media.pcap'
FAILURE, USAGE, UNAVAILABLE, NO_PERMISSION, BAD_CONFIG = 1, 2, 69, 77, 78


@pytest.fixture
def processor(programs, tmp_path):
    return programs.processord('--write-file', tmp_path / 'stored.pcapng')


@pytest.fixture
def bystander(processor):
    """A hunter at work while another one is refused; whatever happens to that one, this one's packets are stored."""
    peer = Peer(processor.address, 'bystander')
    peer.deliver(b'\x01' * 60, 1)
    yield peer
    peer.deliver(b'\x02' * 60, 2)
    assert processor.running()
    peer.close()


def assert_one_line(process, code, *words):
    """Ended with `code`, and the log has exactly one line with all the words."""
    assert process.code == code, process.log
    lines = [line for line in process.log.splitlines() if all(word in line for word in words)]
    assert len(lines) == 1, f'{len(lines)} lines say {words}:\n{process.log}'


def assert_only_line(process, code, *words):
    """As above, and it is the only line: the program ended before it had begun."""
    assert_one_line(process, code, *words)
    assert len(process.log.splitlines()) == 1, process.log


def hunt(programs, processor, *options, interface=CALL, hunter_id='hunter-1', within=20, **how):
    address = getattr(processor, 'address', processor)
    return programs.run('hunterd', '--processor', address, '--hunter-id', hunter_id, '--interface', interface,
                        '--max-reconnect-attempts', '1', *options, within=within, **how)


def test_a_second_hunter_with_a_used_id(programs, processor, bystander):
    client = Client(processor.address)
    with pytest.raises(grpc.RpcError) as refused:
        Peer.register(client, 'bystander')
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert 'bystander' in refused.value.details()
    client.close()
    assert_one_line(hunt(programs, processor, hunter_id='bystander'), UNAVAILABLE, '"bystander" is in use')


@pytest.mark.deadline(90)
def test_the_1001st_hunter_at_limit_1000(programs, tmp_path):
    processor = programs.processord('--max-hunters', '1000', '--write-file', tmp_path / 'stored.pcapng')
    bystander = Peer(processor.address, 'bystander')
    client = Client(processor.address)
    for number in range(999):
        assert Peer.register(client, f'hunter-{number}').accepted
    with pytest.raises(grpc.RpcError) as refused:
        Peer.register(client, 'one-too-many')
    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert refused.value.details() == 'maximum number of hunters reached: limit 1000'
    assert_one_line(hunt(programs, processor, hunter_id='one-too-many'), UNAVAILABLE,
                    'maximum number of hunters reached: limit 1000')
    bystander.deliver(b'\x01' * 60, 1)
    client.close()
    bystander.close()


def test_a_bad_bpf_expression(programs, processor, bystander):
    refused = hunt(programs, processor, '--filter', 'udp port (')
    assert_only_line(refused, BAD_CONFIG, 'udp port (', 'syntax error')


def test_an_unknown_interface(programs, processor, bystander):
    assert_only_line(hunt(programs, processor, interface='lc-none0'), FAILURE, 'lc-none0')


def test_a_capture_file_that_is_not_there(programs, processor, bystander, tmp_path):
    assert_only_line(hunt(programs, processor, interface=tmp_path / 'none.pcap'), FAILURE, 'none.pcap',
                     'No such file or directory')


def test_no_permission_to_capture(programs, processor, bystander):
    """Where the tests run without root, this is how everything runs; else the program is started as nobody."""
    how = {'user': 'nobody'} if os.geteuid() == 0 else {}
    # Without a spool: nobody may not write into the test's folder either.
    assert_only_line(hunt(programs, processor, '--spool-mode', 'off', interface='lo', **how), NO_PERMISSION, 'CAP_NET_RAW')


def test_a_spool_directory_that_cannot_be_had_is_named_with_the_remedy(programs, processor, bystander, tmp_path):
    (tmp_path / 'file').write_text('no directory')
    assert_only_line(hunt(programs, processor, '--spool-dir', tmp_path / 'file' / 'spool', interface=CALL), BAD_CONFIG,
                     'spool directory', '--spool-dir')


def test_two_hunters_do_not_share_a_spool(programs, processor, bystander, tmp_path):
    shared = ['--spool-dir', tmp_path / 'shared']
    first = programs.hunterd(processor, *shared, '--loop', '0', '--pace', interface=CALL)
    first.wait_for_log('connected')
    second = hunt(programs, processor, *shared, hunter_id='other')
    assert_only_line(second, BAD_CONFIG, 'in use by another process', 'shared')


def tls(folder, name, authority='ca'):
    return ['--tls-cert', folder / f'{name}.crt', '--tls-key', folder / f'{name}.key', '--tls-ca', folder / f'{authority}.crt']


@pytest.fixture
def tls_processor(programs, certificates, tmp_path):
    return programs.processord('--write-file', tmp_path / 'stored.pcapng', *tls(certificates, 'server'))


@pytest.fixture
def tls_bystander(tls_processor, certificates):
    def content(name):
        return (certificates / name).read_bytes()
    peer = Peer(tls_processor.address, 'bystander',
                grpc.ssl_channel_credentials(content('ca.crt'), content('client.key'), content('client.crt')))
    peer.deliver(b'\x01' * 60, 1)
    yield peer
    peer.deliver(b'\x02' * 60, 2)
    peer.close()


def test_the_right_certificate_is_served(programs, tls_processor, tls_bystander, certificates):
    assert hunt(programs, tls_processor, *tls(certificates, 'client')).code == 0


@pytest.mark.parametrize('name', ['other', 'self-signed', 'expired'])
def test_a_hunter_with_a_wrong_or_expired_certificate(programs, tls_processor, tls_bystander, certificates, name):
    refused = hunt(programs, tls_processor, *tls(certificates, name))
    assert_one_line(refused, BAD_CONFIG if name == 'expired' else UNAVAILABLE, 'certificate')


def test_a_hunter_without_a_certificate(programs, tls_processor, tls_bystander, certificates):
    refused = hunt(programs, tls_processor, '--tls-ca', certificates / 'ca.crt')
    assert_one_line(refused, UNAVAILABLE, 'certificate')


def test_a_processor_whose_certificate_is_of_another_ca(programs, tls_processor, tls_bystander, certificates):
    refused = hunt(programs, tls_processor, *tls(certificates, 'client', authority='other-ca'))
    assert_one_line(refused, UNAVAILABLE, 'certificate')


def test_a_processor_whose_certificate_is_expired(programs, certificates):
    refused = programs.run('processord', '--listen', '127.0.0.1:0', *tls(certificates, 'server-expired'))
    assert_only_line(refused, BAD_CONFIG, 'server-expired.crt', 'expired')


def test_plaintext_beyond_loopback_without_insecure(programs):
    assert_only_line(programs.run('processord', '--listen', '0.0.0.0:0'), BAD_CONFIG, '--insecure')
    assert_only_line(hunt(programs, '192.0.2.1:55555'), BAD_CONFIG, '--insecure')


def test_a_busy_port(programs, processor, bystander):
    refused = programs.run('processord', '--listen', processor.address)
    assert_only_line(refused, UNAVAILABLE, processor.address, 'in use')
    with socket.create_server(('127.0.0.1', 0)) as other:
        address = f'127.0.0.1:{other.getsockname()[1]}'
        assert_only_line(programs.run('processord', '--listen', address), UNAVAILABLE, address, 'in use')


@pytest.mark.parametrize('path, words', [('none/stored.pcap', 'No such file or directory'), ('stored.txt', '.pcapng'),
                                         ('folder.pcap', 'directory')])
def test_a_file_that_cannot_be_written(programs, tmp_path, path, words):
    (tmp_path / 'folder.pcap').mkdir()
    refused = programs.run('processord', '--listen', '127.0.0.1:0', '--write-file', tmp_path / path)
    assert_only_line(refused, BAD_CONFIG, str(tmp_path / path), words)


def test_a_file_in_a_folder_of_somebody_else(programs, tmp_path):
    if os.geteuid() != 0:
        pytest.skip('needs root to make a folder of somebody else')
    for folder in [tmp_path, *tmp_path.parents][:3]:
        folder.chmod(0o755)
    refused = programs.run('processord', '--listen', '127.0.0.1:0', '--write-file', tmp_path / 'stored.pcap', user='nobody')
    assert_only_line(refused, NO_PERMISSION, 'stored.pcap', 'Permission denied')


@pytest.mark.parametrize('program', ['hunterd', 'processord'])
def test_an_unknown_option(programs, program):
    refused = programs.run(program, '--no-such-option')
    assert refused.code == USAGE
    assert '--no-such-option' in refused.log and not refused.output


@pytest.mark.parametrize('program, section, wrong, right',
                         [('hunterd', 'hunter', 'batch_sise', 'batch_size'),
                          ('processord', 'processor', 'max_hunter', 'max_hunters')])
def test_a_wrong_key_in_the_yaml(programs, tmp_path, program, section, wrong, right):
    config = tmp_path / 'wrong.yaml'
    config.write_text(f'# the key is on line three\n{section}:\n  {wrong}: 5\n', encoding='utf-8')
    refused = programs.run(program, '--config', config)
    assert_only_line(refused, BAD_CONFIG, f'{config}:3', wrong, right)


def test_check_config_names_all_faults_at_once(programs, tmp_path):
    config = tmp_path / 'wrong.yaml'
    config.write_text('hunter:\n  batch_sise: 5\n  bpf_filter: "udp port ("\n  processor_addr: 127.0.0.1:55555\n',
                      encoding='utf-8')
    checked = programs.run('hunterd', '--check-config', '--config', config)
    assert checked.code == BAD_CONFIG
    said = checked.log + checked.output
    assert 'batch_sise' in said and 'udp port (' in said


def test_list_interfaces_agrees_with_the_kernel(programs):
    listed = programs.run('hunterd', '--list-interfaces', '--json')
    assert listed.code == 0
    names = {entry['name'] for entry in json.loads(listed.output)}
    kernel = json.loads(subprocess.run(['ip', '-j', 'link'], check=True, capture_output=True, timeout=20).stdout)
    assert {entry['ifname'] for entry in kernel} <= names
