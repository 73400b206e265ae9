"""What open screens have not been told of the tiles: a city's tiles are not sent anew every two seconds."""

from dataclasses import dataclass, field

from console.situation.tiles import Tile

DETAILS_AT_ONCE = 100
"""Of the tiles in which only a figure changed, as many are sent in one turn, the longest waiting first."""


@dataclass(frozen=True, slots=True)
class TileChange:
    """What leads from the tiles of one revision to those of the next."""

    revision: int
    """Of the tiles with this change; it starts from the one before."""
    tiles: tuple[Tile, ...]
    gone: tuple[str, ...]
    """`Tile.key` of those that are no more."""


@dataclass(slots=True)
class TileChanges:
    """Gathers changes; the health of a tile is told at once."""

    revision: int = 0
    _shown: dict[str, Tile] = field(default_factory=dict)
    """As the screens know them."""
    _at_once: dict[str, Tile] = field(default_factory=dict)
    _details: dict[str, Tile] = field(default_factory=dict)
    _gone: dict[str, None] = field(default_factory=dict)

    def put(self, tile: Tile) -> None:
        key, shown = tile.key, self._shown.get(tile.key)
        self._gone.pop(key, None)
        if shown is not None and shown.health == tile.health:
            self._at_once.pop(key, None)
            if shown == tile:
                self._details.pop(key, None)
            else:
                self._details[key] = tile  # one that waits keeps its place
        else:
            self._details.pop(key, None)
            self._at_once[key] = tile

    def remove(self, key: str) -> None:
        self._at_once.pop(key, None)
        self._details.pop(key, None)
        if self._shown.pop(key, None) is not None:
            self._gone[key] = None

    def take(self) -> TileChange | None:
        """Return what to send now; None where nothing changed."""
        tiles = self._at_once
        for key in list(self._details)[:DETAILS_AT_ONCE]:
            tiles[key] = self._details.pop(key)
        if not tiles and not self._gone:
            return None
        self._shown |= tiles
        self.revision += 1
        change = TileChange(self.revision, tuple(tiles.values()), tuple(self._gone))
        self._at_once, self._gone = {}, {}
        return change
