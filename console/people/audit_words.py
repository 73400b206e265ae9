"""The audit log's codes in words, for people who read it on a page; the log itself keeps the codes."""

import re

from console.cases.steps import ACTION_NAMES, OUTCOME_NAMES, REJECTION_NAMES, REMARK, REMARK_NAME

_ACTIONS = {
    "login": "登录",
    "login.failed": "登录失败",
    "login.recovery": "用恢复码登录",
    "logout": "退出",
    "screen.open": "打开指挥屏",
    "case.open": "预警到达",
    "case.attach": "再次经过",
    "case.booth": "卡口补报",
    "crossing.left": "住户同意已到期，不立案",
    "case.view": "查看事件单",
    "cases.view": "查看事件单列表",
    "cases.export": "导出事件单",
    "statistics.export": "导出统计",
    "shift.view": "查看交接班",
    "shift.note": "写交接班",
    "cases.search": "查找事件单",
    "picture.view": "查看照片",
    "case.erase": "到期删除",
    f"case.{REMARK}": REMARK_NAME,
    "api.cases": "接口读取事件单",
    "message.sent": "消息送达",
    "group.sent": "向群里发送",
    "group.failed": "向群里发送失败",
    "account.message": "设定消息账号",
    "photo.add": "添加照片",
    "correction.open": "提出更正",
    "correction.removed": "移出名单",
    "correction.confirm": "确认更正",
    "correction.restore": "否定更正",
    "correction.restored": "恢复到名单",
    "correction.view": "查看更正",
    "list.try": "预检",
    "list.columns": "确认列的含义",
    "list.applied": "导入生效",
    "area.declare": "公布风险区",
    "area.lift": "解除风险区",
    "vehicle.show": "按号牌查询名单",
    "vehicle.remove": "单条更正：移出名单",
    "vehicle.restore": "单条更正：恢复",
    "objection.grant": "车主申诉属实",
    "objection.refuse": "车主申诉维持原状",
    "proposal.open": "上级布控建议到达",
    "proposal.left": "上级布控建议过多，未收",
    "proposal.view": "查看布控建议",
    "proposal.taken": "布控建议转为待生效的录入",
    "proposal.refused": "布控建议不采纳",
    "proposal.done": "撤控建议办结",
    "proposal.withdrawn": "布控建议被上级撤回或更改",
    "proposal.lapsed": "布控建议过期",
    "list.refused": "导入退回",
    "list.taken_back": "导入撤回",
    "account.first": "设立第一位管理员",
    "account.create": "建立账号",
    "account.new_link": "发新链接",
    "account.enable": "启用账号",
    "account.disable": "停用账号",
    "account.password_set": "设定密码",
    "account.totp_on": "开启动态验证码",
    "account.totp_off": "关闭动态验证码",
    "account.recovery_codes": "生成恢复码",
    "token.create": "生成令牌",
    "token.revoke": "吊销令牌",
    "audit.view": "查看审计",
    "audit.export": "导出审计",
    "audit.anchors_lost": "锚点文件丢失",
} | {f"case.{action}": name for action, name in ACTION_NAMES.items()}
_SUBJECTS = {
    "case": "事件单",
    "cases": "事件单",
    "event": "事件",
    "correction": "更正",
    "corrections": "更正",
    "list_change": "导入",
    "area": "风险区",
    "objection": "车主申诉",
    "proposal": "布控建议",
    "proposals": "布控建议",
    "vehicle": "车辆",
    "account": "账号",
    "token": "令牌",
    "address": "来源",
    "session": "会话",
    "screen": "指挥屏",
    "shift": "交接班",
    "statistics": "统计",
    "audit": "审计日志",
}


KINDS = {
    "login": "登录与退出",
    "case": "事件单",
    "picture": "照片",
    "list": "名单导入",
    "area": "风险区",
    "vehicle": "单车查询与更正",
    "correction": "名单更正",
    "proposal": "上级布控建议",
    "account": "账号",
    "token": "令牌",
    "audit": "审计",
}
"""What the log can be narrowed to: an action's first word."""
_REASONS = {str(key): words for key, words in (*OUTCOME_NAMES.items(), *REJECTION_NAMES.items())} | {
    "open": "未办结", "new": "待核实", "out": "已派出", "over": "超时", "done": "已结束",
}  # fmt: skip


SCOPE_NAMES = {
    "cases:read": "读取事件单",
    "cases:write": "处理事件单",
    "statistics:read": "读取统计",
    "list:write": "导入名单",
}
"""What a program's token may do."""


def detail_words(detail: str) -> str:
    """Return what was noted with an action, in words; digests shortened to what the eye compares."""
    if detail in _REASONS:
        return _REASONS[detail]
    if all(part in SCOPE_NAMES for part in detail.split()):
        return "、".join(SCOPE_NAMES[part] for part in detail.split())
    return re.sub(r"\b([0-9a-f]{8})[0-9a-f]{8,}\b", r"\1…", detail).replace("sha256:", "文件指纹 ")


def action_words(action: str) -> str:
    """Return the Chinese name of an action; the code itself where it has none."""
    return _ACTIONS.get(action, action)


def subject_words(subject: str) -> str:
    """Return "事件单 7" for "case:7"."""
    kind, _, number = subject.partition(":")
    return f"{_SUBJECTS.get(kind, kind)} {number}".strip()
