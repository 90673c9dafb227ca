"""The certificates of a run, and others in their place: tests/certificates makes them, here they are swapped."""
import shutil
import subprocess

import grpc
from oracle import REPOSITORY

ROLES = {'processor': 'serverAuth,clientAuth', 'client': 'clientAuth'}


class Certificates:
    """In `folder`: ca.crt, processor.* and client.* as the programs use them now."""

    def __init__(self, folder):
        self.folder, self._own, self._foreign = folder / 'in-use', folder / 'own', folder / 'foreign'
        for made in (self._own, self._foreign):
            # Half a day ago: a program whose clock is stepped back an hour must find them valid.
            subprocess.run(['faketime', '-f', '-12h', REPOSITORY / 'tests' / 'certificates', made], check=True,
                           timeout=60)
        self.folder.mkdir()
        shutil.copy(self._own / 'ca.crt', self.folder)
        self.restore()

    def options(self, role):
        return ['--tls-cert', self.folder / f'{role}.crt', '--tls-key', self.folder / f'{role}.key',
                '--tls-ca', self.folder / 'ca.crt']

    def credentials(self):
        return grpc.ssl_channel_credentials(*((self._own / name).read_bytes()
                                              for name in ('ca.crt', 'client.key', 'client.crt')))

    def restore(self):
        self._use(self._own)

    def foreign(self):
        self._use(self._foreign)

    def renew(self):
        """New keys and certificates of the same authority."""
        for role, usage in ROLES.items():
            at = self._own / role
            _openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', f'{at}.key')
            _openssl('req', '-new', '-key', f'{at}.key', '-subj', f'/CN={role}', '-out', f'{at}.csr')
            (self._own / 'extensions').write_text(
                f'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage={usage}\n')
            subprocess.run(
                ['faketime', '-f', '-12h', 'openssl', 'x509', '-req', '-in', f'{at}.csr', '-CA', self._own / 'ca.crt',
                 '-CAkey', self._own / 'ca.key', '-CAcreateserial', '-days', '1', '-extfile', self._own / 'extensions',
                 '-out', f'{at}.crt'], check=True, capture_output=True, timeout=20)
        self.restore()

    def _use(self, source):
        for role in ROLES:
            for suffix in ('key', 'crt'):
                part = self.folder / f'{role}.{suffix}.part'
                shutil.copy(source / f'{role}.{suffix}', part)
                part.rename(self.folder / f'{role}.{suffix}')


def _openssl(*argv):
    subprocess.run(['openssl', *argv], check=True, capture_output=True, timeout=20)
