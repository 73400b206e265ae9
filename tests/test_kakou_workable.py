"""A setting that can never work is refused where the file is read, with its line, its key and what would do."""

from pathlib import Path

import pytest

from kakou.exit_codes import ExitCode
from kakou.settings import SettingsError, load_settings
from tests.commands import call_kakou

CHANNEL = "[[alerts.channel]]\nname = 'a'\n"
PLACE = "[[console.checkpoint]]\nname = '一号'\ngrid_code = '370211'\n"
FEED = "[[risk.feed]]\nname = 'f'\n[[risk.kafka]]\nfeed = 'f'\ntopic = 't'\n"
NEVER = [
    ("[console]\ndatabase_url = 'mysql://u:p@127.0.0.1/x'", "2: console.database_url: 数据库的地址应以 postgresql"),
    ("[console]\ndatabase_url = 'postgresql://127.0.0.1/x'", "2: console.database_url: 数据库的地址应以 postgresql"),
    ("[console]\ndatabase_url = '/var/lib/console.sqlite'", "2: console.database_url: 数据库的地址应以 postgresql"),
    ("[console]\nlogin_tries = 'often'", "2: console.login_tries: 应如 5/minute"),
    ("[console]\nlogin_tries_of_strangers = '0/hour'", "2: console.login_tries_of_strangers: 应如 5/minute"),
    ("[console]\ntrusted_proxies = ['10.0.0.0/8']", "2: console.trusted_proxies: '10.0.0.0/8' 不是 IP 地址"),
    ("[console]\npublic_url = 'console.example'", "2: console.public_url: 应如 https://"),
    ("[console]\nhost = '0.0.0.0:8080'", "2: console.host: 应为主机名或 IP 地址"),
    ("[console]\ntls_certificate = 'a.pem'", "1: console: tls_certificate 和 tls_key"),
    ("[console]\ngrids_path = ''", "2: console.grids_path: 应为文件的路径"),
    ("[[console.group]]\ngrid_code = '370211'\nchannel = 'b'", "3: console.group.0.channel: [[alerts.channel]] 中没有"),
    (PLACE + "longitude = 120.1", "1: console.checkpoint.0: 一号：longitude 和 latitude 要么都写"),
    (PLACE + "longitude = 36.0\nlatitude = 120.0", "1: console.checkpoint.0: 一号：longitude 在 -180 到 180"),
    (PLACE + PLACE, "5: console.checkpoint.1.name: 一号 写了不止一次"),
    ("[alerts]\nlink_base = 'console.example'", "2: alerts.link_base: 应如 https://"),
    ("[alerts]\nallowed_networks = ['10.20.0.1/16']", "2: alerts.allowed_networks: '10.20.0.1/16' 应为网段"),
    ("[alerts]\nallowed_hosts = ['https://a.example']", "2: alerts.allowed_hosts: 'https://a.example' 应为小写"),
    ("[alerts]\nallowed_ports = [443, 84430]", "2: alerts.allowed_ports: 84430：端口应在 1 到 65535"),
    (CHANNEL + "kind = 'webhook'\nurl = 'a.example'\nsecret_files = ['s']", "4: alerts.channel.0.url: 应如 https://"),
    (CHANNEL + "kind = 'file'\npath = 'x'\nkinds = []", "5: alerts.channel.0.kinds: 不能为空"),
    (CHANNEL + "kind = 'lane'\ncommand = ['']", "4: alerts.channel.0.command: 第一项应为要运行的程序"),
    (CHANNEL + "kind = 'mqtt'\nhost = 'm.example'\ntopic = 'kakou/#'", "5: alerts.channel.0.topic: 不能为空"),
    (CHANNEL + "kind = 'mqtt'\nhost = 'm.example:8883'", "4: alerts.channel.0.host: 应为主机名"),
    (CHANNEL + "kind = 'kafka'\nbrokers = 'k.example:x'", "4: alerts.channel.0.brokers: 应为 主机:端口"),
    (CHANNEL + "kind = 'kafka'\nbrokers = 'k.example'\nusername = 'u'", "1: alerts.channel.0: username 和"),
    (2 * (CHANNEL + "kind = 'file'\npath = 'x'\n"), "6: alerts.channel.1.name: a 写了不止一次"),
    (FEED + "brokers = '127.0.0.1:9092'\ndead_letters = 't'", "7: risk.kafka.0.dead_letters: 不能与 topic 相同"),
    (FEED + "brokers = ''", "6: risk.kafka.0.brokers: 应为 主机:端口"),
    ("[[risk.feed]]\nname = 'f'\nareas = ['青岛']", "3: risk.feed.0.areas: '青岛' 应为行政区划代码"),
    ("redis_url = 'redis://127.0.0.1/kakou'", "1: redis_url: 主机之后只能是库的编号"),
    ("redis_url = 'unix://redis.sock'", "1: redis_url: unix:// 后面应为套接字的完整路径"),
    ("allow_unencrypted_links_to = ['http://10.0.0.1']", "1: allow_unencrypted_links_to: 'http://10.0.0.1' 应为主机名"),
    ("[[source]]\ncamera_id = 'a'\ncheckpoint = ' '\nuri = 'x'", "3: source.0.checkpoint: 应写卡口的名称"),
    ("[watch]\nrun_port = 9100\nrisk_port = 9100", "3: watch.risk_port: 端口 9100 写了不止一次"),
    ("[booth]\nport = 8444\npublic_name = 'https://box'", "3: booth.public_name: 应为主机名或 IP 地址"),
]  # fmt: skip
WORKS = [
    "[console]\ndatabase_url = 'postgresql+psycopg:///kakou?host=/run/postgresql'",
    "[console]\ndatabase_url = 'sqlite:////var/lib/kakou/console.sqlite'",
    "[console]\nhost = '::'\ntls_certificate = 'a'\ntls_key = 'b'\ntrusted_proxies = ['10.0.0.1', '::1']",
    "[console]\nlogin_tries = '1/second; 5/minute'\npublic_url = 'https://console.example:8443'",
    PLACE + "longitude = 120.1\nlatitude = 36.0\n",
    "[alerts]\nallowed_networks = ['10.20.0.0/16', 'fd00::/8']\nallowed_hosts = ['a.example']",
    CHANNEL + "kind = 'webhook'\nurl = 'https://[2001:db8::1]:8443/x?y=1'\nsecret_files = ['s']",
    CHANNEL + "kind = 'kafka'\nbrokers = '[2001:db8::1]:9093, k.example , 10.0.0.1:9092'",
    "redis_url = 'unix:///run/redis.sock?db=1'",
    "redis_url = 'rediss://u:p@10.0.0.1:6379/3?ssl_cert_reqs=required'",
    "[[risk.feed]]\nname = 'f'\nareas = ['37', '370200', '370211', '370211001']",
]


@pytest.fixture(autouse=True)
def _no_url_of_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("REDIS_URL", raising=False)


def written(folder: Path, text: str) -> Path:
    path = folder / "kakou.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("text", "said"), NEVER)
def test_what_can_never_work_is_refused_when_it_is_read(tmp_path: Path, text: str, said: str):
    with pytest.raises(SettingsError) as caught:
        load_settings(written(tmp_path, text))
    assert f"kakou.toml:{said}" in str(caught.value)


@pytest.mark.parametrize("text", WORKS)
def test_what_can_work_is_taken(tmp_path: Path, text: str):
    load_settings(written(tmp_path, text))


def test_a_database_of_another_kind_ends_the_command_at_once(tmp_path: Path):
    written(tmp_path, "[console]\nport = 0\ndatabase_url = 'mysql://u:secret@127.0.0.1/x'\n")
    done = call_kakou("console", folder=tmp_path)
    assert done.exit_code == ExitCode.CONFIG
    assert "kakou.toml:3: console.database_url" in done.stderr
    assert "secret" not in done.stderr
    assert not (tmp_path / "var").exists()
