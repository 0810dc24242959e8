"""What commands may say: every body, and for whom it is said."""

from thingmarket.billing.commands import Convert, OpenProgramme, PublishRate, Refund
from thingmarket.catalog.needs import Need, WithdrawNeed
from thingmarket.catalog.offers import Offer, WithdrawOffer
from thingmarket.catalog.questions import AnswerFacts, AskFacts
from thingmarket.contract.approvals import AgreeToCosign, Approve
from thingmarket.contract.cancelling import Cancel
from thingmarket.contract.feedback import AskFeedback, GiveFeedback
from thingmarket.contract.orders import AcceptDelivery, Deposit, Erase, Fulfil, FundRequest, Purchase
from thingmarket.contract.personas import SetPersona
from thingmarket.contract.shadow import ProposeChoice
from thingmarket.contract.standing import EndStandingOrder, OpenStandingOrder
from thingmarket.identity.autonomy import LowerAutonomy
from thingmarket.identity.commands import AdmitParty, PresentMandate, Revoke
from thingmarket.identity.things import ClaimThing, RegisterDevice, RegisterThing, SetThingState
from thingmarket.policy.guards import SetGuards
from thingmarket.policy.malfunctions import ReportMalfunction
from thingmarket.trading.commands import (
    DeclareGoods,
    OpenMarket,
    PlaceOrders,
    SetMarketState,
    WithdrawGoods,
)

ThingBody = RegisterDevice | ClaimThing | RegisterThing | SetThingState | ReportMalfunction
"""What is said of things: which there are, whose they are, how they do."""

OwnBody = (
    AdmitParty
    | PresentMandate
    | Revoke
    | Erase
    | PublishRate
    | Convert
    | Deposit
    | Approve
    | AgreeToCosign
    | SetPersona
    | SetGuards
    | LowerAutonomy
    | OpenMarket
    | SetMarketState
    | ThingBody
)
"""What a party says in its own name: who it is, what is its own, what it wishes of others."""

ListingBody = Offer | WithdrawOffer | Need | WithdrawNeed | AskFacts | AnswerFacts
"""What is said in the catalogue: what there is, what is needed, and what somebody asks about it."""

TradeBody = (
    Purchase
    | ProposeChoice
    | GiveFeedback
    | AskFeedback
    | Fulfil
    | AcceptDelivery
    | Refund
    | OpenProgramme
    | Cancel
    | OpenStandingOrder
    | EndStandingOrder
    | DeclareGoods
    | WithdrawGoods
    | PlaceOrders
    | ListingBody
)
"""What a party says for an owner, himself or a thing under his mandate."""

Body = OwnBody | TradeBody | FundRequest
"""What a command may say; a fund request is collected, and stands in the log as the operator's deposit."""
