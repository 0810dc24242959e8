"""Feedback and proposals by whom they concern; derived from the tables. [FBK-6] [SHD-4]"""

from thingmarket.contract.feedback import Feedback, FeedbackState
from thingmarket.contract.shadow import Proposal
from thingmarket.ids import ContractId, Digest, PartyId
from thingmarket.market.timelines import Timeline
from thingmarket.tables import Table


class TrackRecord:
    """Who gave feedback about whom, and what each thing proposed, in the order of the log."""

    def __init__(self, feedback: Table[ContractId, Feedback], proposals: Table[Digest, Proposal]) -> None:
        """Follow both tables; nothing of this stands in a snapshot."""
        self.given: dict[PartyId, Timeline[ContractId]] = {}
        self.received: dict[PartyId, Timeline[ContractId]] = {}
        self.proposed: dict[tuple[PartyId, PartyId], Timeline[Digest]] = {}
        feedback.watch(self._feedback_changed)
        proposals.watch(self._proposal_changed)

    def _feedback_changed(self, contract: ContractId, old: Feedback | None, new: Feedback | None) -> None:
        if old is not None and old.state is FeedbackState.GIVEN:
            self.given[old.by_owner].remove(old.seq, contract)
            self.received[old.about].remove(old.seq, contract)
        if new is not None and new.state is FeedbackState.GIVEN:
            self.given.setdefault(new.by_owner, Timeline()).add(new.seq, contract)
            self.received.setdefault(new.about, Timeline()).add(new.seq, contract)

    def _proposal_changed(self, need: Digest, old: Proposal | None, new: Proposal | None) -> None:
        if old is not None:
            self.proposed[old.owner, old.thing].remove(old.seq, need)
        if new is not None:
            self.proposed.setdefault((new.owner, new.thing), Timeline()).add(new.seq, need)
