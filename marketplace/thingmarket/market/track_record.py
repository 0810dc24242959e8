"""Feedback and proposals by whom they concern; derived from the tables. [FBK-6] [SHD-4]"""

from thingmarket.contract.feedback import Feedback, FeedbackState
from thingmarket.contract.shadow import Proposal
from thingmarket.ids import ContractId, Digest, PartyId
from thingmarket.market.registers import name_under, row_under
from thingmarket.market.timelines import Timeline
from thingmarket.tables import Table


class TrackRecord:
    """Who gave feedback about whom, and what each thing proposed, in the order of the log."""

    def __init__(
        self, feedback: Table[ContractId, Feedback], proposals: Table[tuple[Digest, PartyId], Proposal]
    ) -> None:
        """Follow both tables; nothing of this stands in a snapshot."""
        self.given: dict[PartyId, Timeline[ContractId]] = {}
        self.received: dict[PartyId, Timeline[ContractId]] = {}
        self.proposed: dict[tuple[PartyId, PartyId], Timeline[Digest]] = {}
        self.proposed_for: dict[Digest, set[PartyId]] = {}  # things, by the need
        feedback.watch(self._feedback_changed)
        proposals.watch(self._proposal_changed)

    def _feedback_changed(self, contract: ContractId, old: Feedback | None, new: Feedback | None) -> None:
        if old is not None and old.state is FeedbackState.GIVEN:
            self._gave(contract, old, present=False)
        if new is not None and new.state is FeedbackState.GIVEN:
            self._gave(contract, new, present=True)

    def _gave(self, contract: ContractId, feedback: Feedback, *, present: bool) -> None:
        row = (feedback.seq, contract)
        row_under(self.given, feedback.by_owner, row, present=present)
        row_under(self.received, feedback.about, row, present=present)

    def _proposal_changed(
        self, name: tuple[Digest, PartyId], old: Proposal | None, new: Proposal | None
    ) -> None:
        need, thing = name
        if (old is None) != (new is None):
            name_under(self.proposed_for, need, thing, present=new is not None)
        if old is not None:
            row_under(self.proposed, (old.owner, old.thing), (old.seq, need), present=False)
        if new is not None:
            row_under(self.proposed, (new.owner, new.thing), (new.seq, need), present=True)
