"""How far a proposal of a higher platform has come."""

from enum import StrEnum


class ProposalState(StrEnum):
    WAITING = "waiting"
    TAKEN = "taken"
    REFUSED = "refused"
    DONE = "done"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


PROPOSAL_STATE_NAMES = {
    ProposalState.WAITING: "待处理",
    ProposalState.TAKEN: "已转录入",
    ProposalState.REFUSED: "不采纳",
    ProposalState.DONE: "已办结",
    ProposalState.WITHDRAWN: "上级已撤回或更改",
    ProposalState.LAPSED: "已过期",
}


NOTHING_CAME_OF_IT = {ProposalState.WAITING, ProposalState.WITHDRAWN, ProposalState.LAPSED}
"""Nobody here has decided on it."""
