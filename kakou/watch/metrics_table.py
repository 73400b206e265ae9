"""Every metric of ours, one row each. docs/metrics.md, the Grafana dashboard and the Prometheus rules are made from it.

`python -m kakou.watch.metrics_files` writes all three. No metric tells of a vehicle or a person.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["gauge", "counter", "histogram"]


@dataclass(frozen=True, slots=True)
class Alert:
    """When somebody must be woken."""

    name: str
    expression: str
    for_: str
    severity: Literal["critical", "warning"]
    summary: str
    to_do: str


@dataclass(frozen=True, slots=True)
class MetricKind:
    """One metric."""

    name: str
    kind: Kind
    says: str
    processes: tuple[str, ...]
    labels: tuple[str, ...] = ()
    unit: str = "short"
    """Of Grafana's panel."""
    alert: Alert | None = None


ALL = ("run", "risk serve", "console", "deliver")
METRICS: tuple[MetricKind, ...] = (
    MetricKind("kakou_build_info", "gauge", "1; the version is a label.", ALL, ("version",)),
    MetricKind(
        "kakou_alive", "gauge", "1 while the work itself goes on (what /healthz says).", ALL,
        alert=Alert("KakouStuck", "kakou_alive == 0", "2m", "critical", "进程在，工作停了", "查看日志，重新启动该服务"),
    ),
    MetricKind(
        "kakou_ready", "gauge", "1 while it can do all of its work (what /readyz says).", ALL,
        alert=Alert("KakouNotReady", "kakou_ready == 0", "5m", "warning", "服务未就绪", "打开 /readyz 查看原因"),
    ),
    MetricKind(
        "kakou_notice_active", "gauge", "Notices (异常提醒) that have begun and not ended.", ("run", "console"),
        ("notice", "severity"),
        alert=Alert(
            "KakouNotice", 'kakou_notice_active{severity="critical"} > 0', "1m", "critical",
            "异常提醒：{{ $labels.notice }}", "怎么办见 docs/notices.md 或控制台的异常提醒页",
        ),
    ),
    MetricKind("kakou_camera_frames_total", "counter", "Frames that a camera delivered.", ("run",), ("camera",)),
    MetricKind("kakou_camera_looks_total", "counter", "Frames that plates were looked for on.", ("run",), ("camera",)),
    MetricKind(
        "kakou_camera_dropped_total", "counter", "Live frames that a newer one replaced unseen.", ("run",), ("camera",)
    ),
    MetricKind(
        "kakou_camera_picture_age_seconds", "gauge", "How old the newest picture was when decoded.", ("run",),
        ("camera",), "s",
    ),
    MetricKind("kakou_camera_good", "gauge", "1 while nothing is wrong with the picture.", ("run",), ("camera",)),
    MetricKind(
        "kakou_passages_total", "counter", "Passages by outcome: clear, flagged, unchecked.", ("run",),
        ("camera", "outcome"),
        alert=Alert(
            "KakouUnchecked", 'increase(kakou_passages_total{outcome="unchecked"}[10m]) > 0', "10m", "critical",
            "有车辆未核对", "名单不可用：kakou doctor",
        ),
    ),
    MetricKind("kakou_spool_waiting", "gauge", "Unchecked passages that wait for their check.", ("run",)),
    MetricKind("kakou_canary_age_seconds", "gauge", "Since the last canary went into the outbox.", ("run",), unit="s"),
    MetricKind("kakou_list_vehicles", "gauge", "Vehicles on the risk list.", ("run", "risk serve")),
    MetricKind(
        "kakou_list_age_seconds", "gauge", "Since the list was last tended; absent while it is not valid.",
        ("run", "risk serve"), unit="s",
    ),
    MetricKind("kakou_outbox_pending", "gauge", "Events that the stream does not have.", ("run", "deliver")),
    MetricKind(
        "kakou_outbox_oldest_seconds", "gauge", "Age of the oldest of them, 0 when there is none.", ("run", "deliver"),
        unit="s",
        alert=Alert(
            "KakouOutboxWaits", "kakou_outbox_oldest_seconds > 300", "1m", "critical", "预警积压超过 5 分钟",
            "检查到中心的线路",
        ),
    ),
    MetricKind("kakou_outbox_reserve_held", "gauge", "1 while space is set aside for events.", ("run", "deliver")),
    MetricKind("kakou_console_screens", "gauge", "Open command screens.", ("console",)),
    MetricKind("kakou_console_events_come_in", "gauge", "1 while events come in.", ("console",)),
    MetricKind("kakou_alerts_source_up", "gauge", "Whether a queue could be asked.", ("deliver",), ("source",)),
    MetricKind(
        "kakou_alerts_dead_letters", "gauge", "Events given up and waiting for a person.", ("deliver",),
        alert=Alert(
            "KakouDeadLetters", "kakou_alerts_dead_letters > 0", "5m", "warning", "有死信", "kakou events dead"
        ),
    ),
    MetricKind("kakou_alerts_gave_up_total", "counter", "Dead letters so far.", ("deliver",), ("channel",)),
    MetricKind("kakou_alerts_waiting", "gauge", "Events not delivered yet.", ("deliver",), ("channel",)),
    MetricKind("kakou_alerts_retrying", "gauge", "Events waiting for another try.", ("deliver",), ("channel",)),
    MetricKind("kakou_alerts_disabled", "gauge", "1 when the receiver said 410.", ("deliver",), ("channel",)),
    MetricKind(
        "kakou_alerts_oldest_seconds", "gauge", "Age of the oldest event not delivered.", ("deliver",), ("channel",),
        "s",
    ),
    MetricKind(
        "kakou_alerts_last_success_timestamp_seconds", "gauge", "When a delivery last succeeded.", ("deliver",),
        ("channel",), "dateTimeAsIso",
    ),
    MetricKind(
        "kakou_alerts_deliveries_total", "counter", "Tries: delivered, failed, skipped, dead.", ("deliver",),
        ("channel", "outcome"),
    ),
    MetricKind("kakou_alerts_digested_total", "counter", "Events told in a digest.", ("deliver",), ("channel",)),
    MetricKind(
        "kakou_alerts_first_try_seconds", "histogram", "From the stream to the first try.", ("deliver",), ("channel",),
        "s",
        alert=Alert(
            "KakouSlowDelivery",
            "histogram_quantile(0.99, sum by (le) (rate(kakou_alerts_first_try_seconds_bucket[10m]))) > 10", "10m",
            "warning", "消息投递变慢", "kakou deliver status",
        ),
    ),
)  # fmt: skip
BY_NAME = {metric.name: metric for metric in METRICS}
