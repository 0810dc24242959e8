"""Everything a peer, a device or an owner may be told when the answer is no."""

from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Final, Self

from thingmarket.limits import REASON_CHARS_MAX


@unique
class Code(IntEnum):
    """Stable numbers of refusals: 3 request, 4 business, 5 policy, 6 state, 7 trust."""

    grpc_status: str
    retryable: bool

    def __new__(cls, number: int, grpc_status: str = "", retryable: bool = False) -> Self:
        """Carry the gRPC status name and whether the same body may be sent again."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.grpc_status = grpc_status
        member.retryable = retryable
        return member

    # 3xxxx: the request itself
    MALFORMED = 30001, "INVALID_ARGUMENT"
    NOT_STRICT = 30002, "INVALID_ARGUMENT"
    TOO_LARGE = 30003, "RESOURCE_EXHAUSTED"
    BAD_FIELD = 30004, "INVALID_ARGUMENT"
    BAD_ID = 30005, "INVALID_ARGUMENT"
    WRONG_TYPE = 30006, "INVALID_ARGUMENT"
    OUT_OF_RANGE = 30007, "OUT_OF_RANGE"
    NOT_EXACT = 30008, "INVALID_ARGUMENT"
    CONFUSABLE = 30009, "INVALID_ARGUMENT"
    RATE_LIMITED = 30010, "RESOURCE_EXHAUSTED", True
    BUSY = 30011, "RESOURCE_EXHAUSTED", True
    UNAVAILABLE = 30012, "UNAVAILABLE", True

    # 4xxxx: the business
    UNKNOWN_OFFER = 40001, "NOT_FOUND"
    OFFER_ENDED = 40002, "FAILED_PRECONDITION"
    WRONG_TOTAL = 40003, "FAILED_PRECONDITION"
    WRONG_QUANTITY = 40004, "INVALID_ARGUMENT"
    NEED_NOT_MET = 40005, "FAILED_PRECONDITION"
    FACTS_MISSING = 40006, "FAILED_PRECONDITION"
    UNKNOWN_NEED = 40007, "NOT_FOUND"
    UNKNOWN_CONTRACT = 40008, "NOT_FOUND"
    UNKNOWN_CURRENCY = 40009, "INVALID_ARGUMENT"
    UNKNOWN_TAX_CATEGORY = 40010, "INVALID_ARGUMENT"
    NEED_ENDED = 40011, "FAILED_PRECONDITION"
    FULL = 40014, "RESOURCE_EXHAUSTED"
    SELF_PURCHASE = 40015, "FAILED_PRECONDITION"
    OUT_OF_STOCK = 40016, "FAILED_PRECONDITION"
    UNKNOWN_ENTRY = 40017, "NOT_FOUND"
    UNKNOWN_THING = 40018, "NOT_FOUND"
    UNKNOWN_QUESTION = 40019, "NOT_FOUND"
    UNKNOWN_UNIT = 40030, "NOT_FOUND"
    NOT_CANCELLABLE = 40031, "FAILED_PRECONDITION"
    FEE_TOO_HIGH = 40032, "FAILED_PRECONDITION"
    UNKNOWN_STANDING_ORDER = 40033, "NOT_FOUND"
    SLOT_TAKEN = 40034, "FAILED_PRECONDITION"
    UNKNOWN_INVOICE = 40040, "NOT_FOUND"
    REFUND_TOO_HIGH = 40041, "FAILED_PRECONDITION"
    UNKNOWN_RATE = 40042, "NOT_FOUND"
    RATE_TOO_LOW = 40043, "FAILED_PRECONDITION"
    UNKNOWN_PROGRAMME = 40044, "NOT_FOUND"
    NOT_PROMISED = 40050, "FAILED_PRECONDITION"
    UNKNOWN_MARKET = 40060, "NOT_FOUND"
    OUTSIDE_BAND = 40061, "FAILED_PRECONDITION"

    # 5xxxx: the owner's rules, and who may do what
    DENIED = 50001, "PERMISSION_DENIED"
    NEED_COSIGN = 50002, "FAILED_PRECONDITION"
    MANDATE_FIELD_UNSUPPORTED = 50003, "INVALID_ARGUMENT"
    MANDATE_BROADER = 50004, "PERMISSION_DENIED"
    NOT_PERMITTED = 50005, "PERMISSION_DENIED"
    OPERATOR_ONLY = 50006, "PERMISSION_DENIED"
    GUARD_TRIPPED = 50007, "PERMISSION_DENIED"
    WRONG_CLAIM_CODE = 50008, "PERMISSION_DENIED"
    OVER_PRICE = 50010, "PERMISSION_DENIED"
    OVER_ORDER = 50011, "PERMISSION_DENIED"
    OVER_BUDGET = 50012, "PERMISSION_DENIED"
    OVER_DAY_ORDERS = 50013, "PERMISSION_DENIED"
    OVER_OPEN_ORDERS = 50014, "PERMISSION_DENIED"

    # 6xxxx: the state things are in
    WRONG_STATE = 60001, "FAILED_PRECONDITION"
    KEY_CONFLICT = 60002, "ALREADY_EXISTS"
    KEY_TOO_OLD = 60003, "FAILED_PRECONDITION"
    KEY_AHEAD = 60004, "FAILED_PRECONDITION"
    SESSION_ENDED = 60005, "UNAUTHENTICATED", True
    REPLAYED = 60006, "ALREADY_EXISTS", True
    ALREADY_KNOWN = 60007, "ALREADY_EXISTS"

    # 7xxxx: trust
    BAD_SIGNATURE = 70001, "UNAUTHENTICATED"
    WRONG_NETWORK = 70002, "UNAUTHENTICATED"
    WRONG_AUDIENCE = 70003, "UNAUTHENTICATED"
    UNKNOWN_PARTY = 70004, "UNAUTHENTICATED"
    CLOCK = 70005, "UNAUTHENTICATED", True
    EXPIRED = 70006, "UNAUTHENTICATED", True
    UNKNOWN_MANDATE = 70007, "PERMISSION_DENIED"
    MANDATE_REVOKED = 70008, "PERMISSION_DENIED"
    MANDATE_EXPIRED = 70009, "PERMISSION_DENIED"
    WEAK_KEY = 70010, "UNAUTHENTICATED"
    CHAIN_BROKEN = 70011, "PERMISSION_DENIED"
    NO_SESSION = 70013, "UNAUTHENTICATED", True
    WRONG_TRANSCRIPT = 70014, "UNAUTHENTICATED"
    ERASED = 70015, "NOT_FOUND"
    TAMPERED = 70016, "DATA_LOSS"

    @property
    def family(self) -> str:
        """The first digit in words."""
        return FAMILIES[self.value // 10_000]


FAMILIES: Final = {3: "request", 4: "business", 5: "policy", 6: "state", 7: "trust"}

# Numbers that belong to the packed engines: a book reason n is 44000+n, a ledger status n 45000+n.
BOOK_REASON_BASE: Final = 44_000
LEDGER_STATUS_BASE: Final = 45_000


@dataclass(eq=False, slots=True)
class Refusal(Exception):  # no "Error" in the name: a refusal is an answer, not an error of ours
    """What somebody else caused: counted, answered, safe to show. `number` is a Code or 44xxx/45xxx."""

    number: int
    reason: str
    rule: str = ""

    def __post_init__(self) -> None:
        """Keep the text short: it is remembered with every answer."""
        self.reason = self.reason[:REASON_CHARS_MAX]

    def __str__(self) -> str:
        """Number, name and reason, in the form that logs and the command line print."""
        return f"{self.number} {self.name}: {self.reason}" + (f" [{self.rule}]" if self.rule else "")

    @property
    def name(self) -> str:
        """The name that stands for `number` in documents."""
        return code_name(self.number)

    @property
    def grpc_status(self) -> str:
        """The gRPC status that carries this refusal."""
        return grpc_status_of(self.number)

    @property
    def retryable(self) -> bool:
        """True when the same body may be sent again, later or under a new session."""
        return self.number in Code._value2member_map_ and Code(self.number).retryable


def code_name(number: int) -> str:
    """Name a number, those of the packed engines included."""
    if LEDGER_STATUS_BASE <= number < LEDGER_STATUS_BASE + 1000:
        return f"LEDGER_{number - LEDGER_STATUS_BASE}"
    if BOOK_REASON_BASE <= number < LEDGER_STATUS_BASE:
        return f"BOOK_{number - BOOK_REASON_BASE}"
    if number in Code._value2member_map_:
        return Code(number).name
    return f"CODE_{number}" if number else "OK"  # of a later version, or of a node that makes them up


def grpc_status_of(number: int) -> str:
    """Map a number to its gRPC status; the packed engines refuse for business reasons."""
    return Code(number).grpc_status if number in Code._value2member_map_ else "FAILED_PRECONDITION"
