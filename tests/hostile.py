"""More than 500 texts that would run in a browser if a page took them for anything but text (stored XSS)."""

_TAGS = ("img src=x", "svg", "body", "video", "details open")
_EVENTS = ("error", "load", "toggle", "focus", "mouseover", "animationend", "pointerdown", "click", "input", "wheel")
_PAYLOADS = [
    *(f"<{tag} on{event}=alert(1)>" for tag in _TAGS for event in _EVENTS),
    "<script>alert(1)</script>", "'\"><script>alert(1)</script>", "</title><script>alert(1)</script>",
    "<iframe srcdoc='<script>alert(1)</script>'>", "javascript:alert(1)", "{{7*7}}", "{% raw %}", "${7*7}",
    "<a href=javascript:alert(1)>x</a>", "]]><script>alert(1)</script>", "<!--<img src=--><img src=x onerror=alert(1)>",
    "\u202e<b>", "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
]  # fmt: skip
_WRAPS = ("{}", '"{}', "'{}", "</textarea>{}", "</li></ol>{}", "-->{}", "%3C{}", "&lt;{}", "x\n{}")
HOSTILE = [wrap.replace("{}", payload) for wrap in _WRAPS for payload in _PAYLOADS][:540]
