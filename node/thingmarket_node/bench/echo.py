"""A bare gRPC server that gives back what it gets: the limit of any node behind the same library."""

import asyncio
import contextlib
import select
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

import grpc
import uvloop

METHOD: Final = "/bench.Echo/Echo"
_START_S: Final = 30.0


class _Echo(grpc.GenericRpcHandler):
    def service(self, handler_call_details: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(_echo)


async def _echo(request: bytes, context: Any) -> bytes:
    return request


async def _serve() -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Echo(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


@contextlib.contextmanager
def echo_server() -> Iterator[str]:
    """Run one in a process of its own; its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "thingmarket_node.bench.echo"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None, "asked for"
    try:
        if not select.select([process.stdout], [], [], _START_S)[0]:
            raise RuntimeError("the echo did not start")
        yield f"127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve())
