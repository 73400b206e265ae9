"""The centre's people in a history: they import records, declare areas and lift them, and the model learns of it."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis

from bench.history_model import ListModel
from kakou.settings import load_settings
from kakou.wiring.matching import key_path
from kakou.wiring.risk import open_keeper
from riskdb.digest import ANY_CLASS, PlateDigester, read_key
from riskdb.hotset.keys import HOT
from riskdb.keeper import RiskKeeper
from riskdb.record.declaring import Declared
from riskdb.record.judging import TravelRow
from riskdb.types import RiskDBError

AREAS = tuple(f"3702{number:02d}" for number in range(11, 17))
PLATES_A_BATCH = 4


@dataclass(frozen=True, slots=True)
class Pending:
    """A change that the box's own Redis doesn't show yet."""

    texts: tuple[str, ...]
    is_listing: bool


class People:
    """`plates` are given out to areas in order; what is left over is never on any list."""

    def __init__(self, folder: Path, url: str, box_url: str, plates: list[str], model: ListModel) -> None:
        self._settings = load_settings(folder / "centre.toml")
        self._url, self._box_url = url, box_url
        self._unused = plates
        self._model = model
        self._of_area: dict[str, list[str]] = {area: [] for area in AREAS}
        self._declared: set[str] = set()
        self._pending: list[Pending] = []
        self._digester = PlateDigester(read_key(key_path(self._settings)))
        self.done = 0

    def begin(self) -> None:
        """Fill two areas, and declare them."""
        for area in AREAS[:2]:
            for _ in range(3):
                self._import(area)
            self._declare(area)

    def act(self, dice: random.Random) -> str:
        """Do one thing; return what, in words."""
        area = dice.choice(AREAS)
        match dice.choice(("import", "import", "declare", "lift")):
            case "import" if self._unused:
                return self._import(area)
            case "lift" if area in self._declared and len(self._declared) > 1:
                return self._lift(area)
            case _:
                return self._declare(area)

    def look(self) -> None:
        """Tell the model of changes that the box's own Redis shows by now."""
        for pending in list(self._pending):
            shown = self._shown(pending.texts)
            if shown is not None and all(is_there == pending.is_listing for is_there in shown):
                self._model.change(pending.texts, time.monotonic(), "listed" if pending.is_listing else "free")
                self._pending.remove(pending)

    def is_settled(self) -> bool:
        self.look()
        return not self._pending

    def at_fault(self) -> list[str]:
        """Return what the centre's list holds and shouldn't, or should hold and doesn't."""
        with redis.Redis.from_url(self._url) as client:
            members = {bytes(member) for member in client.smembers(HOT)}
        listed, free = (self._model.at_end(state) for state in ("listed", "free"))
        missing = [f"{text} is not on the list at the end" for text in listed if self._digest(text) not in members]
        return missing + [f"{text} is still on the list at the end" for text in free if self._digest(text) in members]

    def digests(self, texts: set[str]) -> dict[str, bytes]:
        return {text: self._digest(text) for text in texts}

    def _import(self, area: str) -> str:
        texts, self._unused = self._unused[:PLATES_A_BATCH], self._unused[PLATES_A_BATCH:]
        until = datetime.now(UTC) - timedelta(hours=3)
        since = (until - timedelta(hours=2)).isoformat()
        rows = [TravelRow("a.csv", 2, text, "", area, since, until.isoformat(), "流调") for text in texts]
        self._of_area[area] += texts
        if area in self._declared:
            self._expect(texts, is_listing=True)
        return self._kept(f"import {len(texts)} to {area}", lambda keeper: keeper.import_rows(rows))

    def _declare(self, area: str) -> str:
        if area not in self._declared:
            self._declared.add(area)
            self._expect(self._of_area[area], is_listing=True)
        return self._kept(f"declare {area}", lambda keeper: keeper.declare([Declared(area, "high", source="通告")]))

    def _lift(self, area: str) -> str:
        self._declared.discard(area)
        self._expect(self._of_area[area], is_listing=False)
        return self._kept(f"lift {area}", lambda keeper: keeper.lift(area))

    def _expect(self, texts: list[str], *, is_listing: bool) -> None:
        self._model.change(texts, time.monotonic(), "either")
        self._pending = [each for each in self._pending if not set(each.texts) & set(texts)]
        if texts:
            self._pending.append(Pending(tuple(texts), is_listing))

    def _kept(self, words: str, work: Callable[[RiskKeeper], object]) -> str:
        self.done += 1
        try:
            with open_keeper(self._settings, self._url) as keeper:
                work(keeper)
        except RiskDBError as error:
            # In the record all the same; `kakou risk serve` publishes it.
            return f"{words} (published later: {str(error)[:60]})"
        return words

    def _shown(self, texts: tuple[str, ...]) -> list[bool] | None:
        try:
            with redis.Redis.from_url(self._box_url, socket_timeout=2) as client:
                return [bool(each) for each in client.smismember(HOT, [self._digest(text) for text in texts])]
        except redis.RedisError:
            return None

    def _digest(self, text: str) -> bytes:
        return self._digester.digest(ANY_CLASS, text)
