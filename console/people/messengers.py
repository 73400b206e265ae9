"""Messages to one person, by the user id that the messenger's own address book gives: an application message.

A group robot tells everybody; these tell the one who has to go. No plate, no name: a link.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias, assert_never
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, JsonValue, ValidationError

from alerts.channels.base import DeliveryError
from alerts.channels.egress import AllowList, EgressError
from alerts.channels.pinned_http import HttpAnswer, PinnedHttp
from alerts.channels.secrets import read_secret
from console.settings import MessengerSettings

MessengerKind: TypeAlias = Literal["wecom", "dingtalk", "feishu"]
HOSTS: dict[MessengerKind, str] = {
    "wecom": "https://qyapi.weixin.qq.com",
    "dingtalk": "https://oapi.dingtalk.com",
    "feishu": "https://open.feishu.cn",
}
MESSENGER_NAMES: dict[MessengerKind, str] = {"wecom": "企业微信", "dingtalk": "钉钉", "feishu": "飞书"}
_TOKEN_LIFE = timedelta(minutes=90)
"""All three give tokens for two hours and hand out the same one meanwhile."""
_JSON = {"content-type": "application/json; charset=utf-8"}


class MessageError(Exception):
    """The message did not arrive, as far as we know; the words are Chinese and hold no secret."""


class _Answer(BaseModel):
    """WeCom and DingTalk say errcode, Feishu code; other fields are of no interest."""

    errcode: int | None = None
    code: int | None = None
    access_token: str = ""
    tenant_access_token: str = ""

    @property
    def outcome(self) -> int | None:
        return self.errcode if self.errcode is not None else self.code


@dataclass(slots=True)
class _Token:
    text: str
    until: datetime


class Messenger:
    """One application of one messenger."""

    def __init__(self, settings: MessengerSettings, http: PinnedHttp, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._http = http
        self._now = now
        self._base = (settings.url or HOSTS[settings.kind]).rstrip("/")
        self._secret = read_secret(settings.secret_file, f"messenger {settings.kind}")
        self._token: _Token | None = None

    def send(self, user: str, text: str) -> None:
        """Tell one person. Raises MessageError."""
        try:
            answer = self._post_message(user, text)
        except (DeliveryError, EgressError) as error:
            raise MessageError(f"{MESSENGER_NAMES[self._settings.kind]}没有应答：{error}") from error
        outcome = _read(answer)
        if outcome.outcome != 0:
            self._token = None  # it may be the token that is refused: the next try asks for another
            raise MessageError(f"{MESSENGER_NAMES[self._settings.kind]}拒绝了消息：代码 {outcome.outcome}")

    def close(self) -> None:
        self._http.close()

    def _post_message(self, user: str, text: str) -> HttpAnswer:
        settings, token = self._settings, self._current_token()
        match settings.kind:
            case "wecom":
                body: dict[str, JsonValue] = {"touser": user, "msgtype": "text", "agentid": int(settings.agent_id),
                                              "text": {"content": text}}  # fmt: skip
                return self._post(f"/cgi-bin/message/send?access_token={quote(token)}", body)
            case "dingtalk":
                body = {"agent_id": settings.agent_id, "userid_list": user,
                        "msg": {"msgtype": "text", "text": {"content": text}}}  # fmt: skip
                return self._post(f"/topapi/message/corpconversation/asyncsend_v2?access_token={quote(token)}", body)
            case "feishu":
                body = {"receive_id": user, "msg_type": "text", "content": json.dumps({"text": text})}
                return self._post("/open-apis/im/v1/messages?receive_id_type=user_id", body, token)
        assert_never(settings.kind)

    def _current_token(self) -> str:
        if self._token is None or self._token.until <= self._now():
            self._token = _Token(self._new_token(), self._now() + _TOKEN_LIFE)
        return self._token.text

    def _new_token(self) -> str:
        """WeCom and DingTalk give it by GET, with the secret in the address; Feishu by POST."""
        app, secret = quote(self._settings.app_id), quote(self._secret)
        match self._settings.kind:
            case "wecom":
                answer = self._http.get(f"{self._base}/cgi-bin/gettoken?corpid={app}&corpsecret={secret}")
            case "dingtalk":
                answer = self._http.get(f"{self._base}/gettoken?appkey={app}&appsecret={secret}")
            case "feishu":
                login: dict[str, JsonValue] = {"app_id": self._settings.app_id, "app_secret": self._secret}
                answer = self._post("/open-apis/auth/v3/tenant_access_token/internal", login)
            case _:
                assert_never(self._settings.kind)
        read = _read(answer)
        token = read.access_token or read.tenant_access_token
        if read.outcome != 0 or not token:
            raise MessageError(
                f"{MESSENGER_NAMES[self._settings.kind]}不给凭证：代码 {read.outcome}，请检查 app_id 与密钥"
            )
        return token

    def _post(self, path: str, body: dict[str, JsonValue], token: str | None = None) -> HttpAnswer:
        headers = _JSON | ({"authorization": f"Bearer {token}"} if token else {})
        return self._http.post(self._base + path, json.dumps(body, ensure_ascii=False).encode(), headers)


def build_messengers(settings: tuple[MessengerSettings, ...], now: Callable[[], datetime]) -> dict[str, Messenger]:
    """Return one messenger per kind that is set up. Raises ChannelConfigError."""
    return {one.kind: Messenger(one, PinnedHttp(_allow_list(one), one.timeout_s), now) for one in settings}


def _allow_list(settings: MessengerSettings) -> AllowList:
    """Each reaches its own host and nothing else; a private gateway is reached only where its networks are named."""
    target = urlsplit(settings.url or HOSTS[settings.kind])
    port = target.port or (443 if target.scheme == "https" else 80)
    networks = list(settings.allowed_networks)
    return AllowList([] if networks else [target.hostname or ""], networks, (port,))


def _read(answer: HttpAnswer) -> _Answer:
    if not 200 <= answer.status < 300:
        raise MessageError(f"消息平台应答 HTTP {answer.status}")
    try:
        return _Answer.model_validate_json(answer.body)
    except ValidationError as error:
        raise MessageError("消息平台的应答无法读取") from error
