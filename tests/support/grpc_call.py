#!/usr/bin/python3
"""Calls any gRPC service with JSON, knowing no .proto: everything comes from the server's own reflection service.

    grpc_call.py -plaintext localhost:55555 list [SERVICE]
    grpc_call.py -plaintext -d '{"hunter_id": "edge-1"}' localhost:55555 lippycat.management.ManagementService/GetHunterStatus
    grpc_call.py -cacert ca.crt -cert client.crt -key client.key ...

Stands in for grpcurl, which Debian 12 does not package, and takes its options. -d may hold several JSON values for a
client stream. A call that fails prints ERROR, Code and Message, and ends with 64 + the status code, as grpcurl does.
Of .proto files it needs the reflection service's alone (package grpc-proto); -proto adds one for a service that
reflection names but cannot describe, as it is with gRPC's own health service:

    grpc_call.py -plaintext -proto grpc/health/v1/health.proto localhost:55555 grpc.health.v1.Health/Check
"""
import argparse
import functools
import json
import subprocess
import sys
import tempfile

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

REFLECTION_PROTO = 'grpc/reflection/v1alpha/reflection.proto'
REFLECTION = 'grpc.reflection.v1alpha.ServerReflection'


def _compiled(proto):
    """The descriptors of a .proto of package grpc-proto and of what it imports."""
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(['protoc', '-I/usr/share/grpc-proto', '--include_imports', f'--descriptor_set_out={out.name}',
                        proto], check=True)
        return descriptor_pb2.FileDescriptorSet.FromString(out.read()).file


@functools.lru_cache(maxsize=None)
def _reflection_classes():
    pool = descriptor_pool.DescriptorPool()
    for file in _compiled(REFLECTION_PROTO):
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return [factory.GetPrototype(pool.FindMessageTypeByName(f'grpc.reflection.v1alpha.ServerReflection{name}'))
            for name in ('Request', 'Response')]


class Client:
    """One channel to one server. Messages are made and shown by what the server's reflection tells of them."""

    def __init__(self, address, credentials=None, options=()):
        self.channel = (grpc.secure_channel(address, credentials, options) if credentials
                        else grpc.insecure_channel(address, options))
        self._pool = descriptor_pool.DescriptorPool()
        self._factory = message_factory.MessageFactory(self._pool)
        self._known = set()

    def close(self):
        self.channel.close()

    def services(self):
        return sorted(s.name for s in self._reflect(list_services='').list_services_response.service)

    def methods(self, service):
        return [m.full_name for m in self._service(service).methods]

    def add_proto(self, proto):
        """What reflection need not be asked for: the services and messages of this file of package grpc-proto."""
        for file in _compiled(proto):
            self._pool.Add(file)
            package = file.package and file.package + '.'
            self._known |= {file.name, *(package + each.name for each in [*file.service, *file.message_type])}

    def message(self, full_name, **fields):
        """An empty message of that type, or one with these fields."""
        self._learn(full_name)
        return self._factory.GetPrototype(self._pool.FindMessageTypeByName(full_name))(**fields)

    def call(self, path, request=None, timeout=10):
        """The reply (an iterator of them for a server stream). `request` holds the fields as JSON would; for a client
        stream it is an iterable of messages or of such fields. grpc.RpcError when the call fails."""
        service, _, name = path.partition('/')
        method = self._service(service).methods_by_name[name]
        request_class = self._factory.GetPrototype(method.input_type)
        reply_class = self._factory.GetPrototype(method.output_type)

        def as_message(fields):
            if isinstance(fields, request_class):
                return fields
            return json_format.ParseDict(fields, request_class())

        streams = method.client_streaming, method.server_streaming
        kind = {(False, False): 'unary_unary', (False, True): 'unary_stream',
                (True, False): 'stream_unary', (True, True): 'stream_stream'}[streams]
        start = getattr(self.channel, kind)(f'/{path}', request_class.SerializeToString, reply_class.FromString)
        return start(map(as_message, request) if streams[0] else as_message(request or {}), timeout=timeout)

    def is_client_stream(self, path):
        service, _, name = path.partition('/')
        return self._service(service).methods_by_name[name].client_streaming

    def _service(self, name):
        self._learn(name)
        return self._pool.FindServiceByName(name)

    def _learn(self, symbol):
        if symbol in self._known:
            return
        self._add(self._reflect(file_containing_symbol=symbol).file_descriptor_response)
        self._known.add(symbol)

    def _add(self, response):
        files = {}
        for blob in response.file_descriptor_proto:
            file = descriptor_pb2.FileDescriptorProto.FromString(blob)
            files[file.name] = file

        def add(name):
            if name in self._known:
                return
            if name not in files:
                self._add(self._reflect(file_by_filename=name).file_descriptor_response)
                return
            self._known.add(name)
            for dependency in files[name].dependency:
                add(dependency)
            self._pool.Add(files[name])

        for name in list(files):
            add(name)

    def _reflect(self, **query):
        request_class, response_class = _reflection_classes()
        ask = self.channel.stream_stream(f'/{REFLECTION}/ServerReflectionInfo', request_class.SerializeToString,
                                         response_class.FromString)
        response = next(iter(ask(iter([request_class(**query)]), timeout=10)))
        if response.HasField('error_response'):
            raise LookupError(f'{query}: {response.error_response.error_message}')
        return response


def as_json(message):
    return json.dumps(json_format.MessageToDict(message), indent=2, ensure_ascii=False)


def json_values(text):
    """The JSON values of `text`, one after the other."""
    decoder, at = json.JSONDecoder(), 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        yield value


def credentials_of(options):
    if options.plaintext:
        return None

    def content(path):
        if path is None:
            return None
        with open(path, 'rb') as file:
            return file.read()
    return grpc.ssl_channel_credentials(content(options.cacert), content(options.key), content(options.cert))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('-plaintext', action='store_true', help='no TLS')
    for name, text in (('cacert', 'whom to trust'), ('cert', 'who we are'), ('key', 'of -cert')):
        parser.add_argument(f'-{name}', metavar='PEM', help=text)
    parser.add_argument('-d', metavar='JSON', default='{}', help='the request; @ reads standard input')
    parser.add_argument('-proto', metavar='FILE', help='a file of package grpc-proto')
    parser.add_argument('-max-time', type=float, default=10, metavar='SECONDS')
    parser.add_argument('address')
    parser.add_argument('what', help='SERVICE/METHOD, or list')
    parser.add_argument('service', nargs='?')
    options = parser.parse_args()
    client = Client(options.address, credentials_of(options))
    try:
        if options.proto:
            client.add_proto(options.proto)
        if options.what == 'list':
            print(*(client.methods(options.service) if options.service else client.services()), sep='\n')
            return 0
        requests = list(json_values(sys.stdin.read() if options.d == '@' else options.d))
        path = options.what
        request = requests if client.is_client_stream(path) else (requests or [{}])[0]
        replies = client.call(path, request, options.max_time)
        one = hasattr(replies, 'DESCRIPTOR')
        for reply in [replies] if one else replies:
            print(as_json(reply), flush=True)
        return 0
    except grpc.RpcError as error:
        print(f'ERROR:\n  Code: {error.code().name}\n  Message: {error.details()}', file=sys.stderr)
        return 64 + error.code().value[0]
    except (LookupError, json.JSONDecodeError, json_format.ParseError) as error:
        print(f'grpc_call.py: {error}', file=sys.stderr)
        return 2
    finally:
        client.close()


if __name__ == '__main__':
    sys.exit(main())
