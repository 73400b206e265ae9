"""One destruction, from the first key to the report."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from kakou.settings import Settings
from kakou.sunset import destroying
from kakou.sunset.audit_kept import AuditKept
from kakou.sunset.databases import destroy_database, survey_database
from kakou.sunset.report import DestructionReport, write_report
from kakou.sunset.state import REPORTS_FOLDER, SunsetState, mark_begun, save_state


def plan(settings: Settings) -> list[destroying.Destroyed]:
    """Return what a destruction would destroy, in its order; changes nothing."""
    found = [destroying.survey(settings, target) for target in destroying.TARGETS]
    in_redis = destroying.survey_redis(settings, is_ours=destroying.is_home(settings))
    return [*found, *in_redis, *(each for each in (survey_database(settings),) if each)]


def carry_out(settings: Settings, state: SunsetState, now: Callable[[], datetime]) -> None:
    """Destroy everything and write the report. Raises OSError when the report cannot be written."""
    begun_at = now()
    if not state.begun_at:
        mark_begun(settings.state_dir, state, begun_at)
    last = state.decisions[-1]
    by, reason = (last.by, last.reason) if last.what == "end" else ("系统", "授权期已到（日落）")
    folder = settings.state_dir / REPORTS_FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    stamp = begun_at.strftime("%Y%m%dT%H%M%S%fZ")
    # The audit log tells what people did, and is owed for half a year: it is checked while its key is there.
    audit = _keep_audit(settings, folder / f"{stamp}-audit.csv")
    is_home = destroying.is_home(settings) or bool(left_over(settings))  # once more, when its files have gone
    keys, *others = destroying.TARGETS
    done = [destroying.destroy(settings, keys, now())]
    if is_home:
        done += destroying.destroy_redis(settings, now())
    else:
        done += destroying.survey_redis(settings, is_ours=False)
    done += [destroying.destroy(settings, target, now()) for target in others]
    done += [each for each in (destroy_database(settings, now()),) if each]
    report = DestructionReport(
        begun_at=begun_at, ended_at=now(), by=by, reason=reason, decisions=state.decisions, destroyed=tuple(done),
        audit=audit, untouched=tuple(destroying.untouched(settings)),
    )  # fmt: skip
    sha256 = write_report(report, folder, stamp)
    ended = {"begun_at": begun_at, "destroyed_at": report.ended_at, "report_sha256": sha256}
    save_state(settings.state_dir, state.model_copy(update=ended))


def left_over(settings: Settings) -> list[destroying.Destroyed]:
    """Return what the last destruction could not reach, such as a database that was away. Raises OSError."""
    reports = sorted((settings.state_dir / REPORTS_FOLDER).glob("*.json"))
    if not reports:
        return []
    last = DestructionReport.model_validate_json(reports[-1].read_bytes())
    return [each for each in last.destroyed if each.note.startswith(destroying.FAILED)]


def note_in_audit(settings: Settings, by: str, action: str, reason: str, now: datetime) -> bool:
    """Write a decision into the console's audit log, where this is a centre; return whether it stands there.

    A database that is away, or damaged, keeps nobody from deciding: `sunset.json` holds the decision, too.
    """
    if not _has_console(settings):
        return False
    from kakou.sunset.console_side import append_to_audit

    return append_to_audit(settings, by, action, reason, now)


def _keep_audit(settings: Settings, path: Path) -> AuditKept | None:
    if not _has_console(settings):
        return None
    from kakou.sunset.console_side import keep_audit

    return keep_audit(settings, path, needs_key=not left_over(settings))


def _has_console(settings: Settings) -> bool:
    """Whether there is a console here; a box has not even its libraries."""
    return (settings.state_dir / "console.key").exists() or settings.console.database_url is not None
