"""The services as one gRPC server inside the test, with answers that the test gives."""

from __future__ import annotations

from concurrent import futures

import grpc
from google.protobuf import any_pb2, json_format
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from stafett_story.api import message_class


class No(Exception):
    """Raised by an answer function: the call is refused."""

    def __init__(self, code: str, reason: str = "", field: str = "") -> None:
        super().__init__(code)
        self.code, self.reason, self.field = code, reason, field

    def status(self):
        details = []
        if self.reason:
            details.append(error_details_pb2.ErrorInfo(reason=self.reason, domain="stafett.no"))
        if self.field:
            bad = error_details_pb2.BadRequest()
            bad.field_violations.add(field=self.field)
            details.append(bad)
        packed = []
        for detail in details:
            packed.append(any_pb2.Any())
            packed[-1].Pack(detail)
        code = grpc.StatusCode[self.code]
        return rpc_status.to_status(
            status_pb2.Status(code=code.value[0], message="no", details=packed)
        )


class Stub(grpc.GenericRpcHandler):
    """stub.answers["cases.NoteConcern"] = lambda request, metadata: {...}; stub.calls has them all. A call that goes on
    says several: stub.streams["…"] = a generator function."""

    def __init__(self, api) -> None:
        self.api = api
        self.answers = {}
        self.streams = {}
        self.calls = []
        self._rpcs = {rpc.path: rpc for rpc in api.rpcs.values()}
        self._server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((self,))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def service(self, details):
        rpc = self._rpcs.get(details.method)
        if rpc is None:
            return None
        metadata = dict(details.invocation_metadata)

        def noted(request):
            values = json_format.MessageToDict(request, preserving_proto_field_name=True)
            self.calls.append((rpc.name, values, metadata))
            return values

        def unary(request, context):
            try:
                answer = self.answers.get(rpc.name, lambda *_: {})(noted(request), metadata)
            except No as no:
                context.abort_with_status(no.status())
            return json_format.ParseDict(answer, message_class(rpc.response)())

        def stream(request, context):
            try:
                for answer in self.streams[rpc.name](noted(request), metadata):
                    yield json_format.ParseDict(answer, message_class(rpc.response)())
            except No as no:
                context.abort_with_status(no.status())

        coding = {
            "request_deserializer": message_class(rpc.request).FromString,
            "response_serializer": lambda message: message.SerializeToString(),
        }
        if rpc.name in self.streams:
            return grpc.unary_stream_rpc_method_handler(stream, **coding)
        return grpc.unary_unary_rpc_method_handler(unary, **coding)

    def stop(self) -> None:
        self._server.stop(None).wait()
