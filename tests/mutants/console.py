"""Retention, audit log, rights, access, throttle."""

from tests.mutants.mutant import mutants

MUTANTS = (
    *mutants(
        "console/cases/retention.py",
        "console_retention console_desk",
        ("        session.delete(row)", "        pass"),
        ('correction.plate_text = correction.answer = ""', 'correction.answer = ""'),
        ('correction.plate_text = correction.answer = ""', 'correction.plate_text = ""'),
        ('        row.body = ""', "        pass"),
        ('        step.note = ""', "        pass"),
        ('case.plate_text, case.door, case.erased_at = "", "", now', 'case.door, case.erased_at = "", now'),
        ("        self._pictures.erase(evidence, photos)", "        self._pictures.erase(evidence, [])"),
        ("        self._pictures.erase(evidence, photos)", "        self._pictures.erase([], photos)"),
        ("CaseRow.finished_at < now - self._kept_for", "CaseRow.finished_at < now"),
        ("                    CaseRow.state.in_([state.value for state in FINISHED]),\n", ""),
        ("case.previous_checkpoint = case.previous_at = None", "pass"),
    ),
    *mutants(
        "console/people/audit.py",
        "console_audit",
        (
            "row.previous, str(row.seq), row.at.astimezone(UTC).isoformat(), row.actor",
            "row.previous, str(row.seq), row.actor",
        ),
        ("            row.subject, row.reason,", "            row.subject,"),
        ("        if row.seq != expected:", "        if False:"),
        ("        elif row.previous != previous:", "        elif False:"),
        ("        if head.seal != self._seal(head.seq, head.digest):", "        if False:"),
        ("        if head.seq > seq:", "        if False:"),
        ("        if not lines:", "        if False:"),
        ("            if int(seq) and digests.get(int(seq)) != digest:", "            if False:"),
        ("            if oldest >= lost_at:", "            if False:"),
        ("        if head and not _anchor_lines(path):", "        if False:"),
    ),
    *mutants(
        "console/cases/rights.py",
        "console_rights console_desk_rights console_web",
        ("return is_handed_out and case.assignee_id in (None, actor.account_id)", "return is_handed_out"),
        ("is_handed_out = case.is_confirmed and State(case.state)", "is_handed_out = State(case.state)"),
        ("and State(case.state) is not State.ASSIGNED", "and True"),
        ("    if not is_within(case.grid_code, actor.scope):\n        return False\n", ""),
        ("    return and_(area, is_handed_out, is_mine)", "    return and_(area, is_handed_out)"),
        ("    return and_(area, is_handed_out, is_mine)", "    return and_(is_handed_out, is_mine)"),
    ),
    *mutants(
        "console/web/access.py",
        "console_web",
        (
            "    if request.method not in _SAFE:\n        await check_origin(request)\n        given",
            "    if False:\n        given",
        ),
        ("        if not hmac.compare_digest(given.encode(), session.csrf_token.encode()):", "        if False:"),
        ("        if person.role not in roles:", "        if False:"),
        ("        if scope not in scopes:", "        if False:"),
    ),
    *mutants(
        "console/people/throttle.py",
        "console_people console_at_once",
        ('                self._keys.digest("login", f"strangers {account}"): self._limits_of_strangers,\n', ""),
        ("                place: self._limits,\n", ""),
        ("        if _count(session, KNOWN + pair, now - _KNOWN_FOR) == 0:", "        if True:"),
        ("_NETWORK_BITS = 64", "_NETWORK_BITS = 128"),
    ),
    *mutants(
        "console/web/origin.py",
        "console_origin console_web",
        ('    if site not in ("same-origin", "none"):', "    if False:"),
        ("    if origin is not None and _place_of(origin) != host:", "    if False:"),
    ),
)
