"""Writes what is made from the table of metrics: `python -m kakou.watch.metrics_files`, from the repository's root."""

import json
import sys
from pathlib import Path

from kakou.watch.metrics_table import METRICS, Alert, MetricKind

DASHBOARD = Path("deploy/grafana-dashboard.json")
RULES = Path("deploy/prometheus-rules.yml")
PAGE = Path("docs/metrics.md")
COLUMNS, WIDTH, HEIGHT = 3, 8, 7


def main() -> int:
    for path, text in ((DASHBOARD, dashboard()), (RULES, rules()), (PAGE, page())):
        path.write_text(text, encoding="utf-8")
    return 0


def page() -> str:
    lines = [
        "# Metrics\n",
        "Each process serves `/metrics`, `/healthz` and `/readyz` on 127.0.0.1 where `[watch]` gives it a port",
        "(`run_port`, `risk_port`, `console_port`, `deliver_port`). `/healthz` is 503 when the work stands still:",
        "a camera that sends and is not screened, a list that nobody tends, a relay or a feed that does not turn.",
        "`/readyz` is 503 while something it depends on is away. Both say why, in JSON. No metric tells of a car.\n",
        "`deploy/grafana-dashboard.json` and `deploy/prometheus-rules.yml` are made from the same table",
        "(`kakou/watch/metrics_table.py`): `python -m kakou.watch.metrics_files`.\n",
        "| metric | kind | labels | served by | meaning |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| `{one.name}` | {one.kind} | {', '.join(one.labels)} | {', '.join(one.processes)} | {one.says} |"
        for one in METRICS
    ]
    return "\n".join(lines) + "\n"


def rules() -> str:
    """Return the rules as YAML; every string is written as JSON, which YAML takes."""
    lines = ["# Made by `python -m kakou.watch.metrics_files`.", "groups:", "  - name: kakou", "    rules:"]
    for alert in (one.alert for one in METRICS if one.alert):
        lines += _rule(alert)
    return "\n".join(lines) + "\n"


def _rule(alert: Alert) -> list[str]:
    def quoted(text: str) -> str:
        return json.dumps(text, ensure_ascii=False)

    return [
        f"      - alert: {alert.name}",
        f"        expr: {quoted(alert.expression)}",
        f"        for: {alert.for_}",
        f"        labels: {{severity: {alert.severity}}}",
        f"        annotations: {{summary: {quoted(alert.summary)}, to_do: {quoted(alert.to_do)}}}",
    ]


def dashboard() -> str:
    shown = [one for one in METRICS if one.name != "kakou_build_info"]
    document: dict[str, object] = {
        "title": "kakou 卡口",
        "uid": "kakou",
        "schemaVersion": 39,
        "refresh": "10s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}]},
        "panels": [_panel(number, one) for number, one in enumerate(shown)],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _panel(number: int, one: MetricKind) -> dict[str, object]:
    by = f" by ({', '.join(('instance', *one.labels))})"
    expression = {
        "counter": f"sum{by} (rate({one.name}[5m]))",
        "histogram": f"histogram_quantile(0.95, sum by (le) (rate({one.name}_bucket[5m])))",
        "gauge": one.name,
    }[one.kind]
    legend = " ".join(f"{{{{{label}}}}}" for label in ("instance", *one.labels)) if one.kind != "histogram" else "p95"
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": one.says,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "gridPos": {
            "x": number % COLUMNS * WIDTH, "y": number // COLUMNS * HEIGHT, "w": WIDTH, "h": HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": one.unit}, "overrides": []},
        "targets": [{"refId": "A", "expr": expression, "legendFormat": legend}],
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
