"""Every notice there is, one row each. docs/notices.md is made from it: `python -m alerts.notices.table`."""

import sys
from dataclasses import dataclass

from alerts.notice import SEVERITY_WORDS, Severity


@dataclass(frozen=True, slots=True)
class NoticeKind:
    """One thing that can be amiss."""

    name: str
    severity: Severity
    title: str
    """What is amiss, as screens and messages say it."""
    to_do: str
    """What whoever reads it does, in one sentence."""
    begins_after_s: float = 0.0
    """It must have been so for this long without a break..."""
    ends_after_s: float = 10.0
    """...and gone for this long: what flickers makes one notice."""
    said_by: str = "卡口"
    """Which machines find it."""
    at_booth: str = ""
    """What whoever stands at the barrier does; "" for what is none of their business."""


NOTICES: tuple[NoticeKind, ...] = (
    NoticeKind(
        "camera_lost", "critical", "摄像机无画面",
        "检查摄像机供电和网线，再核对 kakou.toml 中的 uri 和密码；恢复后自动继续。", 20.0,
        at_booth="车辆未经识别：人工查验每辆车；看一眼摄像机的电源和网线，通知运维。",
    ),
    NoticeKind(
        "camera_stopped", "critical", "摄像机处理进程已停止",
        "按说明修复后在卡口机上重新启动 kakou run。",
        at_booth="车辆未经识别：人工查验每辆车，通知运维。",
    ),
    NoticeKind(
        "camera_blind", "critical", "摄像机看不清车辆",
        "到现场查看镜头：遮挡、全黑、画面静止、无视频信号（查摄像机到录像机的线）或无法解码时，车辆未被识别。",
        at_booth="车辆未经识别：看镜头有没有被遮挡；人工查验每辆车。",
    ),
    NoticeKind(
        "camera_dirty", "warning", "画面失焦或镜头脏污", "擦拭镜头并重新对焦。",
        at_booth="可能漏认车辆：擦拭镜头；没有显示结果的车请人工查验。",
    ),
    NoticeKind(
        "camera_turned", "warning", "画面旋转", "把摄像机装正，或在其设置中转正画面。",
        at_booth="可能漏认车辆：没有显示结果的车请人工查验，通知运维把摄像机装正。",
    ),
    NoticeKind(
        "sub_stream_no_help", "warning", "子码流不能用",
        "已改为全部解码主码流，不漏车，本机更忙：核对 kakou.toml 中的 sub_uri，看子码流是否开启、是否同一画面。",
        20.0, 30.0,
    ),
    NoticeKind(
        "device_silent", "critical", "上报相机没有报文",
        "检查相机供电、网线和推送地址（docs/cameras.md），再运行 kakou reads test。", 300.0,
        at_booth="车辆未经识别：人工查验每辆车，通知运维。",
    ),
    NoticeKind(
        "device_refused", "warning", "拒收相机报文",
        "核对该相机的密钥和设备号；不认识的来源请查相机网络。",
    ),
    NoticeKind("device_clock", "warning", "上报相机时钟不准", "在相机中启用 NTP 校时。", 60.0, 60.0),
    NoticeKind(
        "reads_unreadable", "warning", "相机报文看不懂",
        "报文加密保存 24 小时：升级 kakou，或让相机改用 GA/T 1400。",
        at_booth="可能漏认车辆：没有显示结果的车请人工查验，通知运维。",
    ),
    NoticeKind(
        "reads_lost", "critical", "相机识别结果丢失",
        "磁盘或密钥损坏，已收下的识别结果读不回来：人工核查该时段经过的车辆，再运行 kakou doctor。",
        at_booth="有车辆未经核对：人工查验刚经过和正在经过的车，通知运维。",
    ),
    NoticeKind(
        "reads_waiting", "warning", "相机识别结果积压", "本机处理不及：减少本机相机；识别结果不会丢失。", 30.0, 30.0,
        at_booth="结果会晚到：等结果出来再放行。",
    ),
    NoticeKind(
        "pictures_late", "warning", "画面晚到",
        "本机或线路处理不及：减少本机摄像机、降低分辨率或检查网络。", 30.0, 30.0,
        at_booth="结果会晚到：等结果出来再放行。",
    ),
    NoticeKind(
        "list_missing", "critical", "风险名单不可用",
        "车辆均为未核对：运行 kakou doctor，检查 kakou risk serve 和名单复制。", 10.0, said_by="卡口、中心",
        at_booth="查不了名单：人工查验每辆车；恢复后自动补查。",
    ),
    NoticeKind(
        "list_stale", "critical", "风险名单过旧",
        "检查中心的 kakou risk serve、到中心的线路和两边时钟。", said_by="卡口、中心",
        at_booth="名单不是最新的：没有命中的车也请问清行程。",
    ),
    NoticeKind(
        "list_empty", "critical", "风险名单为空",
        "查不出任何车辆：导入行程记录（kakou risk import）并公布风险区（kakou risk area declare）。", 30.0,
        said_by="卡口、中心",
        at_booth="名单是空的，查不出任何车：人工查验每辆车，通知值班台。",
    ),
    NoticeKind(
        "list_shrunk", "critical", "风险名单骤减",
        "请名单管理员核对：是否误撤导入或误解除风险区；更正后名单自动恢复。", said_by="卡口、中心",
        at_booth="名单少了许多，可能漏查：没有命中的车也请问清行程。",
    ),
    NoticeKind(
        "list_other_key", "critical", "风险名单与本机密钥不符",
        "把中心的 plate.key 复制到本机（权限 600），车辆在此之前均为未核对。", said_by="卡口、中心",
        at_booth="查不了名单：人工查验每辆车，通知运维。",
    ),
    NoticeKind(
        "redis_away", "critical", "本机 Redis 无应答",
        "重新启动 Redis，查看其日志；车辆在此期间为未核对，恢复后自动补查。", 10.0, said_by="卡口、中心",
        at_booth="查不了名单：人工查验每辆车；恢复后自动补查。",
    ),
    NoticeKind(
        "stream_away", "critical", "到中心的线路中断",
        "检查上行网络和中心的 Redis；预警保存在本机，恢复后自动补发。", 30.0,
        at_booth="照常工作：处置记在本机，恢复后自动上报；急事请打电话给值班台。",
    ),
    NoticeKind(
        "disk_low", "warning", "磁盘空间不足", "清理磁盘或扩容；继续减少时图片先停存，预警最后停存。", 0.0, 60.0,
        said_by="卡口、中心",
        at_booth="照常工作，通知运维清理磁盘。",
    ),
    NoticeKind(
        "disk_full", "critical", "磁盘已满或不可写", "立即清理磁盘；只读时检查磁盘故障（dmesg）。", 0.0, 60.0,
        said_by="卡口、中心",
        at_booth="处置可能记不下来：用纸笔记下车辆和处置，立即通知运维。",
    ),
    NoticeKind(
        "clock_wrong", "critical", "时钟不可信",
        "校时（NTP：chronyc tracking 或 timedatectl）；在确认前不删除任何数据，命中可能变为未核对。", 10.0,
        said_by="卡口、中心",
        at_booth="时间不可信，命中可能显示为未核对：人工查验，通知运维校时。",
    ),
    NoticeKind(
        "clock_apart", "warning", "本机时钟与中心不一致", "在两边启用 NTP，并指向同一时间服务器。", 30.0, 30.0,
    ),
    NoticeKind(
        "queue_old", "warning", "预警积压在本机",
        "检查到中心的线路和 kakou run、kakou deliver 是否运行；预警不会丢失。", 30.0, 10.0, said_by="卡口、中心",
        at_booth="照常工作：预警还没有送到值班台，急事请打电话。",
    ),
    NoticeKind(
        "state_damaged", "warning", "本机文件曾损坏",
        "按提示处理后，删除 state_dir 中同名的 .damaged-*.txt。", 0.0, 0.0, said_by="卡口、中心",
    ),
    NoticeKind(
        "sunset_near", "warning", "授权即将到期", "由管理员决定延期：kakou sunset --renew；到期即停止比对并销毁数据。",
        said_by="卡口、中心",
    ),
    NoticeKind(
        "canary_missed", "critical", "自检车未按时出来",
        "自检车走与车辆相同的路：按提示的一段排查，kakou doctor 可逐项检查。", 0.0, 0.0, said_by="卡口、中心",
        at_booth="预警可能送不到值班台：有命中请打电话给值班台。",
    ),
    NoticeKind(
        "version_skew", "warning", "卡口与中心的版本不一致", "尽快升级，先中心后卡口。", 60.0, 60.0,
        said_by="卡口、中心",
    ),
    NoticeKind(
        "box_lost", "critical", "卡口机失联",
        "检查卡口机供电、上行线路和 kakou run 是否运行；线路中断时卡口仍在本地比对。", 15.0, said_by="中心",
    ),
    NoticeKind(
        "dead_letters", "warning", "有预警无法送达（死信）",
        "用 kakou events dead 查看原因，修复后 kakou events retry --all 重发。", 0.0, 0.0, said_by="中心",
    ),
    NoticeKind(
        "channel_failing", "critical", "消息通道发送失败",
        "用 kakou deliver status 查看错误；检查对方服务、密钥和出口防火墙。", 60.0, 0.0, said_by="中心",
    ),
    NoticeKind(
        "deliver_stopped", "critical", "消息投递未运行",
        "启动 kakou deliver；预警在队列中等待，不会丢失。", 60.0, said_by="中心",
    ),
    NoticeKind(
        "certificate_ending", "warning", "证书即将到期", "换上新证书并重新启动用到它的服务。", said_by="中心",
    ),
)  # fmt: skip
BY_NAME = {kind.name: kind for kind in NOTICES}


def document() -> str:
    """Return docs/notices.md."""
    lines = [
        "# Notices 异常提醒\n",
        "![异常提醒页面：三项异常，每项说怎么办](pictures/notices.png)\n",
        "Whatever makes an answer less than sure is a notice, with a beginning and an end. It is an event of kind",
        "`notice`: it goes through the outbox to the stream, to every channel that has `notice` in its `kinds` (with",
        "its own `severities`, `quiet_hours` and `notices_per_hour`), stands in the banner of the command screen and",
        "on the page 异常提醒, in `/metrics` (`kakou_notice_active`), in the journal, and, on the box itself, in",
        "`run/notices-box.json` of the state folder, with the uplink down too. The booth page shows those of its own",
        "checkpoint, with what whoever stands there does (the last column); what has none is not shown there.\n",
        "Made from the table in `alerts/notices/table.py`: `python -m alerts.notices.table > docs/notices.md`.\n",
        "| name | severity | 提醒 | 怎么办 | begins after | ends after | said by | 卡口岗怎么办 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{kind.name}` | {SEVERITY_WORDS[kind.severity]} `{kind.severity}` | {kind.title} | {kind.to_do} "
        f"| {kind.begins_after_s:g} s | {kind.ends_after_s:g} s | {kind.said_by} "
        f"| {kind.at_booth or '—'} |"
        for kind in NOTICES
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
