"""Travel records from machines, as they come: signed batches, each taken once."""

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse, Response

from console.lists.words import file_words
from console.web.access import TheConsole, allow_signed
from riskdb.feed.answers import FeedQuotaError, FeedRefusedError, FeedUnknownError, Taken
from riskdb.types import RiskDBError

router = APIRouter(prefix="/api/v1", tags=["api"])
FEED_BODY_BYTES = 4 * 1024 * 1024
_RETRY_S = "60"


class RefusedRecord(BaseModel):
    """A record that was not taken; the others of its batch were."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int
    """Of the batch, from 0."""
    why: str


class FeedAnswer(BaseModel):
    """What became of a batch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    accepted: int
    refused: tuple[RefusedRecord, ...]
    is_repeated: bool
    """This webhook-id was taken before: nothing changed."""


@router.post("/travel-records", max_body_size=FEED_BODY_BYTES, response_model=FeedAnswer, **allow_signed())
async def take_records(request: Request, console: TheConsole) -> Response:
    """Take `{"records": [{"plate", "plate_class"?, "area", "from", "to"?, "source"?}, …]}`, 5,000 at most.

    Signed as Standard Webhooks 1.0.0 say, with the feed's name in `x-kakou-feed`; `webhook-id` makes a batch one that
    is taken once. 401: not signed by that feed. 422: no batch. 429: more than the feed's quota. 503: try again.
    """
    body = await request.body()
    try:
        taken = await run_sync(console.lists.feeds.take, dict(request.headers), body)
    except RiskDBError as error:
        return _refusal(error)
    return JSONResponse(_answer(taken).model_dump())


def _answer(taken: Taken) -> FeedAnswer:
    refused = tuple(RefusedRecord(index=one.number, why=one.why) for one in taken.refused)
    return FeedAnswer(accepted=taken.accepted, refused=refused, is_repeated=taken.is_repeated)


def _refusal(error: RiskDBError) -> JSONResponse:
    message = {"message": f"{file_words(str(error))}。"}
    if isinstance(error, FeedUnknownError):
        return JSONResponse(message, 401)
    if isinstance(error, FeedQuotaError):
        return JSONResponse(message, 429, {"retry-after": _RETRY_S})
    status = 422 if isinstance(error, FeedRefusedError) else 503
    return JSONResponse(message, status, {"retry-after": _RETRY_S} if status == 503 else None)
