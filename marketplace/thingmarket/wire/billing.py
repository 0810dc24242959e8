"""Bodies of refunds, rates, conversions and programmes: exact bytes to checked values and back. [INV-1]"""

from thingmarket.billing.commands import (
    Convert,
    OpenProgramme,
    PublishRate,
    Refund,
    check_convert,
    check_open_programme,
    check_publish_rate,
    check_refund,
)
from thingmarket.limits import COMMAND_BYTES_MAX
from thingmarket.v1 import billing_pb2 as pb
from thingmarket.wire.strict import parse


def read_refund(body: bytes) -> Refund:
    """Read and check a refund from its exact bytes."""
    message = parse(pb.Refund, body, COMMAND_BYTES_MAX)
    refund = Refund(
        key=message.key, contract=message.contract, unit=message.unit, amount_minor=message.amount_minor
    )
    check_refund(refund)
    return refund


def refund_body(refund: Refund) -> bytes:
    """Write the body of a refund."""
    return pb.Refund(
        key=refund.key, contract=refund.contract, unit=refund.unit, amount_minor=refund.amount_minor
    ).SerializeToString(deterministic=True)


def read_publish_rate(body: bytes) -> PublishRate:
    """Read and check an exchange rate, whose digest is its name."""
    message = parse(pb.PublishRate, body, COMMAND_BYTES_MAX)
    rate = PublishRate(
        key=message.key,
        from_currency=message.from_currency,
        to_currency=message.to_currency,
        numerator=message.numerator,
        denominator=message.denominator,
        max_minor=message.max_minor,
        valid_until_ms=message.valid_until_ms,
    )
    check_publish_rate(rate)
    return rate


def publish_rate_body(rate: PublishRate) -> bytes:
    """Write the body of an exchange rate."""
    return pb.PublishRate(
        key=rate.key,
        from_currency=rate.from_currency,
        to_currency=rate.to_currency,
        numerator=rate.numerator,
        denominator=rate.denominator,
        max_minor=rate.max_minor,
        valid_until_ms=rate.valid_until_ms,
    ).SerializeToString(deterministic=True)


def read_convert(body: bytes) -> Convert:
    """Read and check a conversion."""
    message = parse(pb.Convert, body, COMMAND_BYTES_MAX)
    convert = Convert(
        key=message.key,
        rate=message.rate,
        amount_minor=message.amount_minor,
        min_out_minor=message.min_out_minor,
    )
    check_convert(convert)
    return convert


def convert_body(convert: Convert) -> bytes:
    """Write the body of a conversion."""
    return pb.Convert(
        key=convert.key,
        rate=convert.rate,
        amount_minor=convert.amount_minor,
        min_out_minor=convert.min_out_minor,
    ).SerializeToString(deterministic=True)


def read_open_programme(body: bytes) -> OpenProgramme:
    """Read and check a programme of points."""
    message = parse(pb.OpenProgramme, body, COMMAND_BYTES_MAX)
    programme = OpenProgramme(
        key=message.key,
        name=message.name,
        currency=message.currency,
        earn_basis_points=message.earn_basis_points,
        value_minor=message.value_minor,
        idle_days=message.idle_days,
    )
    check_open_programme(programme)
    return programme


def open_programme_body(programme: OpenProgramme) -> bytes:
    """Write the body of a programme of points."""
    return pb.OpenProgramme(
        key=programme.key,
        name=programme.name,
        currency=programme.currency,
        earn_basis_points=programme.earn_basis_points,
        value_minor=programme.value_minor,
        idle_days=programme.idle_days,
    ).SerializeToString(deterministic=True)
