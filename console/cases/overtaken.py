"""What somebody is told who was slower than another."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from console.cases.steps import ACTION_NAMES, REMARK, REMARK_NAME, STATE_NAMES, State
from console.store.tables import CaseRow, StepRow


def who_was_first(session: Session, case: CaseRow) -> str:
    steps = select(StepRow).where(StepRow.case_id == case.case_id).order_by(StepRow.step_id.desc())
    last = session.scalars(steps).first()
    state = STATE_NAMES[State(case.state)]
    if last is None:
        return f"事件单刚刚变为“{state}”，请看最新内容。"
    return f"{last.actor} 先您一步执行了“{_word_of(last)}”，事件单现在是“{state}”。您的操作没有生效，请看最新内容。"


def what_became_of_it(session: Session, case: CaseRow) -> str:
    return (
        f"{last_step(session, case)}，不再是您的任务。您写的已作为“{REMARK_NAME}”记入事件单，处理结果没有改变；"
        "与您了解的不一致，请打电话告诉值班台。"
    )


def last_step(session: Session, case: CaseRow) -> str:
    steps = select(StepRow).where(StepRow.case_id == case.case_id, StepRow.action != REMARK)
    last = session.scalars(steps.order_by(StepRow.step_id.desc()).limit(1)).one()  # whose it was, he had taken it
    return f"{last.actor} 已执行“{_word_of(last)}”，事件单现在是“{STATE_NAMES[State(case.state)]}”"


def _word_of(step: StepRow) -> str:
    names = {action.value: name for action, name in ACTION_NAMES.items()} | {REMARK: REMARK_NAME}
    return names.get(step.action, "更新")
