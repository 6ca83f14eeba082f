"""`grpc.health.v1` on the receiver's port, so that Kubernetes and load balancers can ask whether it takes requests."""

from __future__ import annotations

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer  # pyright: ignore[reportMissingImports]  # its stubs leave it out

TRACE_SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"


class Health:
    """Answers health checks for the whole server (the empty name) and for the trace service."""

    def __init__(self) -> None:
        self._servicer = HealthServicer()

    def attach(self, server: grpc.aio.Server) -> None:
        """Register the health service; before the server starts."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    async def serving(self, yes: bool) -> None:
        """Say whether requests are taken."""
        answer = health_pb2.HealthCheckResponse.SERVING if yes else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in ("", TRACE_SERVICE):
            await self._servicer.set(name, answer)
