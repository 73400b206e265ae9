"""What an error says to its reader, on a terminal, a page or in a notice, is Chinese: no class of ours is made with a
text without it."""

import ast
import re
from collections.abc import Iterator

from tests.code_kit import nodes_of, sources

PACKAGES = ("ocr", "riskdb", "alerts", "pipeline", "console", "kakou")
ROOTS = {
    "AlertsError", "RiskDBError", "SourceError", "ReadsError", "OcrError", "ConsoleError", "MessageError",
    "SettingsError", "AddressError", "BackupError", "SunsetError", "RedisUnavailableError", "ForeignPackageError",
    "OddFileError", "CellProblem", "BadParameter",
}  # fmt: skip
"""Those in the table of exit codes (kakou/errors.py), and a faulty option of a command."""
HAN = re.compile("[\u4e00-\u9fff]")
NOT_CHINESE = {
    ("pipeline/walk/canary.py", "CanaryMissedError"): "names a stage; the notice of a missed canary has the words",
    ("pipeline/reads/body.py", "SenderGoneError"): "nobody is there any more to read it",
    ("pipeline/reads/subscribing.py", "PlatformError"): "what was tried, in Chinese, and the code of the answer",
    ("kakou/commands/risk.py", "BadParameter"): "the option, and what is wrong with it in Chinese",
    ("kakou/settings.py", "SettingsError"): "file, key, and what is wrong with it in Chinese",
}


def test_an_error_that_reaches_a_person_says_so_in_chinese():
    kinds = classes_below(ROOTS)
    found = [
        (path, node.lineno, name)
        for path, source in sources(*PACKAGES)
        for node, name in made(source)
        if name in kinds and (path, name) not in NOT_CHINESE and not is_chinese(node, constants(source))
    ]
    assert found == []


def test_a_text_without_chinese_would_be_seen():
    for line in ('RiskDBError("no list")', 'RiskDBError(f"HTTP {code}")', "raise RiskDBError", "RiskDBError()"):
        [(node, name)] = made(line)
        assert name == "RiskDBError"
        assert not is_chinese(node, {})
    for line in ('RiskDBError(f"{path}：没有名单")', "RiskDBError(str(error))", 'RiskDBError(f"{path}：{words}")'):
        node = next(node for node, name in made(line) if name == "RiskDBError")
        assert is_chinese(node, {})


def classes_below(roots: set[str]) -> set[str]:
    """Return the names of these classes and of all that come from them."""
    bases = {
        node.name: {ast.unparse(base).rsplit(".", 1)[-1] for base in node.bases}
        for _, source in sources(*PACKAGES)
        for node in nodes_of(source)
        if isinstance(node, ast.ClassDef)
    }
    found = set(roots)
    while more := {name for name, above in bases.items() if above & found} - found:
        found |= more
    return found


def made(source: str) -> Iterator[tuple[ast.expr, str]]:
    """Yield every call of a class, or a class that is raised without one, with its name."""
    for node in nodes_of(source):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func).rsplit(".", 1)[-1]
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name):
            yield node.exc, node.exc.id


def constants(source: str) -> dict[str, str]:
    """Return the texts that a file keeps under a name."""
    kept = [node for node in nodes_of(source) if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)]
    return {ast.unparse(node.targets[0]): ast.literal_eval(node.value) for node in kept if is_text(node.value)}


def is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def is_chinese(node: ast.expr, texts: dict[str, str]) -> bool:
    """Whether an error's text has Chinese in it; a text that comes from elsewhere is its maker's to say."""
    given = node.args if isinstance(node, ast.Call) else []
    return any(has_chinese(one, texts) for one in given)


def has_chinese(text: ast.expr, texts: dict[str, str]) -> bool:
    if isinstance(text, ast.Name) and text.id.isupper():
        return HAN.search(texts.get(text.id, "")) is not None
    said = [part.value for part in ast.walk(text) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    if isinstance(text, ast.Constant | ast.JoinedStr | ast.BinOp):
        is_from_elsewhere = isinstance(text, ast.JoinedStr) and not re.search("[A-Za-z]", "".join(said))
        return is_from_elsewhere or any(HAN.search(part) for part in said)
    return True
