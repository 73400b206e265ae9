"""Every Redis key of the risk list. Only `riskdb.publish` writes them, only `riskdb.hotset` and `publish` read them.

risk:hot     SET   of 16-byte digests, and one member that names the version (`version_marker`)   no expiry
risk:why     HASH  digest -> packed reasons (`riskdb.reasons`), the exact expiry included          no expiry
risk:area    HASH  window number -> declaration as JSON                                            no expiry
risk:source  HASH  source number -> name of the source                                             no expiry
risk:meta    HASH  version, count, digest, rule, key_id, published_at, heartbeat (epoch seconds)   no expiry
risk:next:*  the hot and why of a version under construction; renamed or unlinked by the publisher
risk:old:*   those of the version before, unlinked at once

The version marker makes every lookup check its list: the one SMISMEMBER asks for the marker of the version that the
reader knows, so an answer from an emptied, replaced or foreign set cannot be taken for "not listed".
"""

HOT = "risk:hot"
HOT_KEY = HOT.encode()
WHY = "risk:why"
AREA = "risk:area"
SOURCE = "risk:source"
META = "risk:meta"
NEXT_HOT, NEXT_WHY = "risk:next:hot", "risk:next:why"
OLD_HOT, OLD_WHY = "risk:old:hot", "risk:old:why"

META_FIELDS = ("version", "count", "digest", "rule", "key_id", "published_at", "heartbeat")


MARKER = b"\0version"


def version_marker(version: int) -> bytes:
    """Return the member of the hot set that says which version it is; 16 bytes, as digests are."""
    return MARKER + version.to_bytes(8, "big")
