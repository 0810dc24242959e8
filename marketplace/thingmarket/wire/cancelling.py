"""Cancelling: the body of the command, and the preview of its price, to values and back. [CAN-2]"""

from thingmarket.contract.cancelling import Cancel, check_cancel
from thingmarket.errors import Code, Refusal
from thingmarket.limits import COMMAND_BYTES_MAX
from thingmarket.market.views import CancelPreview, StatePrice
from thingmarket.v1 import query_service_pb2 as queries
from thingmarket.v1 import trade_pb2 as pb
from thingmarket.wire.strict import parse

_STATES_MAX = 8  # a unit can be cancelled in two


def read_cancel(body: bytes) -> Cancel:
    """Read and check a buyer's end of a contract."""
    message = parse(pb.Cancel, body, COMMAND_BYTES_MAX)
    wish = Cancel(key=message.key, contract=message.contract, max_fee_minor=message.max_fee_minor)
    check_cancel(wish)
    return wish


def cancel_body(wish: Cancel) -> bytes:
    """Write the body of a buyer's end of a contract."""
    message = pb.Cancel(key=wish.key, contract=wish.contract, max_fee_minor=wish.max_fee_minor)
    return message.SerializeToString(deterministic=True)


def preview_message(preview: CancelPreview) -> queries.PreviewCancelResponse:
    """Write what cancelling costs."""
    return queries.PreviewCancelResponse(
        currency=preview.currency,
        total_minor=preview.total_minor,
        by_state=[
            queries.CancelPrice(state=each.state, fee_minor=each.fee_minor) for each in preview.by_state
        ],
        free_until_ms=preview.free_until_ms,
        now_minor=preview.now_minor,
    )


def read_preview(message: queries.PreviewCancelResponse) -> CancelPreview:
    """Read what cancelling costs (TOO_LARGE)."""
    if len(message.by_state) > _STATES_MAX:
        raise Refusal(Code.TOO_LARGE, f"{len(message.by_state)} states; at most {_STATES_MAX}")
    return CancelPreview(
        currency=message.currency,
        total_minor=message.total_minor,
        by_state=tuple(
            StatePrice(state=each.state, fee_minor=each.fee_minor if each.HasField("fee_minor") else None)
            for each in message.by_state
        ),
        free_until_ms=message.free_until_ms,
        now_minor=message.now_minor if message.HasField("now_minor") else None,
    )
