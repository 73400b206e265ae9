import ssl

import pytest

from alerts.channels.base import DeliveryError
from alerts.channels.egress import AllowList, EgressError
from alerts.channels.pinned_http import PinnedHttp
from tests.alerts_server import Answer, port_of, scripted_server

PUBLIC = "93.184.215.14"
NAMES = {
    "platform.example.org": [PUBLIC],
    "inside.example.org": ["10.20.3.4"],
    "metadata.example.org": ["169.254.169.254"],
    "loop.example.org": ["127.0.0.1"],
    "mixed.example.org": [PUBLIC, "127.0.0.1"],
    "mapped.example.org": ["::ffff:10.20.3.4"],
    "linklocal.example.org": ["fe80::1%eth0"],
    "multicast.example.org": ["224.0.0.1"],
    "unspecified.example.org": ["0.0.0.0"],
    "private.example.org": ["192.168.1.1"],
    "shared.example.org": ["100.64.0.1"],
    "nat64.example.org": ["64:ff9b::7f00:1"],
    "empty.example.org": [],
}


def resolver(host: str, port: int) -> list[str]:  # noqa: ARG001  the resolver's signature
    if host not in NAMES:
        raise OSError("no such name")
    return NAMES[host]


def allow_list() -> AllowList:
    return AllowList(sorted(NAMES), ["10.20.0.0/16", "fd12:3456::/32"], (443, 8443), resolver)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://platform.example.org/hook", PUBLIC),
        ("https://platform.example.org:8443/hook?a=b", PUBLIC),
        ("https://inside.example.org/", "10.20.3.4"),
        ("https://10.20.9.9/", "10.20.9.9"),
        ("https://[fd12:3456::1]/", "fd12:3456::1"),
        ("http://10.20.9.9:443/", "10.20.9.9"),
    ],
)
def test_a_listed_target_is_reached_at_its_checked_address(url: str, address: str):
    assert allow_list().check_url(url)[1].address == address


BYPASS_FORMS = [
    # other spellings of addresses: decimal, hexadecimal, octal, short, padded, wide characters
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.000.000.001/",
    "https://0127.0.0.1/",
    "https://10.20.011.9/",
    "https://0xa.0x14.9.9/",
    "https://169024777/",
    "https://0xa9fea9fe/",
    "https://2852039166/",
    "https://169.254.43518/",
    "https://0251.0376.0251.0376/",
    "https://10.20.9.9./",
    "https://１０.20.9.9/",
    "https://①⓪.20.9.9/",
    "https://10。20。9。9/",
    # plain addresses outside the list, special ones
    "https://127.0.0.1/",
    "https://0.0.0.0/",
    "https://10.21.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.100.100.200/",
    "https://255.255.255.255/",
    "https://256.1.1.1/",
    # IPv6: loopback, mapped, compatible, NAT64, 6to4, Teredo, zones
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:10.20.9.9]/",
    "https://[0:0:0:0:0:ffff:0a14:0909]/",
    "https://[::10.20.9.9]/",
    "https://[64:ff9b::10.20.9.9]/",
    "https://[2002:a14:909::1]/",
    "https://[2001:0:a14:909::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fd12:3456::1%25lo]/",
    "https://[fd00:ec2::254]/",
    # names: unlisted, look-alike, suffix, trailing dot, case tricks, names leading inside
    "https://evil.example.org/",
    "https://platform.example.org.evil.org/",
    "https://notplatform.example.org/",
    "https://platform.example.org./",
    "https://localhost/",
    "https://metadata.example.org/",
    "https://loop.example.org/",
    "https://mixed.example.org/",
    "https://mapped.example.org/",
    "https://linklocal.example.org/",
    "https://multicast.example.org/",
    "https://unspecified.example.org/",
    "https://private.example.org/",
    "https://shared.example.org/",
    "https://nat64.example.org/",
    "https://empty.example.org/",
    "https://plаtform.example.org/",  # a Cyrillic a
    # the URL's grammar: user names, back-slashes, fragments, blanks, ports, schemes
    "https://platform.example.org@127.0.0.1/",
    "https://127.0.0.1@platform.example.org/",
    "https://platform.example.org:443@127.0.0.1/",
    "https://127.0.0.1\\@platform.example.org/",
    "https://platform.example.org#@127.0.0.1/",
    "https://127.0.0.1#platform.example.org/",
    "https://127.0.0.1?platform.example.org/",
    "https://platform.example.org :443/",
    "https://platform.example.org\t/",
    "https://platform.example.org%2f@127.0.0.1/",
    "https://127.0.0.1%00.platform.example.org/",
    "https://platform.example.org:22/",
    "https://platform.example.org:6379/",
    "https://platform.example.org:99999/",
    "https:///127.0.0.1/",
    "https://",
    "//platform.example.org/",
    "file:///etc/passwd",
    "gopher://platform.example.org/",
    "ftp://platform.example.org/",
    "http://platform.example.org:443/",
    "unix:///run/docker.sock",
]


@pytest.mark.parametrize("url", BYPASS_FORMS)
def test_no_other_spelling_gets_past_the_allow_list(url: str):
    with pytest.raises(EgressError):
        allow_list().check_url(url)


def test_the_bypass_forms_are_at_least_sixty():
    assert len(set(BYPASS_FORMS)) >= 60


def test_metadata_services_are_refused_even_in_an_allowed_network():
    open_list = AllowList([], ["0.0.0.0/0", "::/0"], (443,), resolver)
    for url in ("https://169.254.169.254/", "https://100.100.100.200/", "https://[fd00:ec2::254]/"):
        with pytest.raises(EgressError, match="从不连接"):
            open_list.check_url(url)


@pytest.mark.parametrize("entry", ["Platform.example.org", "10.20.0.1", "a..b", "*.example.org", "ex ample.org", ""])
def test_a_host_entry_that_is_no_name_is_refused(entry: str):
    with pytest.raises(EgressError, match="allowed_hosts"):
        AllowList([entry], [], (443,))


def test_a_network_entry_that_is_no_network_is_refused():
    with pytest.raises(EgressError, match="allowed_networks"):
        AllowList([], ["10.20.0.1/16"], (443,))


def test_a_name_that_changes_its_address_is_dialled_where_it_was_checked():
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    with scripted_server() as server:
        allowed = AllowList(["rebind.example.org"], ["127.0.0.1/32"], (port_of(server),), lambda *_: answers.pop(0))
        url = f"http://rebind.example.org:{port_of(server)}/"
        with PinnedHttp(allowed, 5.0) as http:
            assert http.post(url, b"{}", {}).status == 200
            with pytest.raises(EgressError, match="从不连接"):
                http.post(url, b"{}", {})
        assert len(server.received) == 1
        assert server.received[0].headers["host"] == f"rebind.example.org:{port_of(server)}"
        assert answers == []


def test_a_redirect_is_not_followed():
    with scripted_server() as inner, scripted_server() as outer:
        outer.answer = lambda _: Answer(302, headers=(("location", inner.url),))
        allowed = AllowList([], ["127.0.0.1/32"], (port_of(inner), port_of(outer)))
        with PinnedHttp(allowed, 5.0) as http:
            assert http.post(outer.url, b"{}", {}).status == 302
        assert inner.received == []


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch):
    with scripted_server() as proxy, scripted_server() as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        with PinnedHttp(AllowList([], ["127.0.0.1/32"], (port_of(server),)), 5.0) as http:
            http.post(server.url, b"{}", {})
        assert proxy.received == []


@pytest.mark.parametrize("how", ["hang", "drip", "cut"])
def test_an_answer_that_never_ends_costs_one_time_limit(how: str):
    with scripted_server() as server:
        server.answer = lambda _: Answer(how=how)
        with (
            PinnedHttp(AllowList([], ["127.0.0.1/32"], (port_of(server),)), 0.3) as http,
            pytest.raises(DeliveryError, match="没有应答"),
        ):
            http.post(server.url, b"{}", {})


def test_an_endless_answer_is_read_no_further_than_needed():
    with scripted_server() as server:
        server.answer = lambda _: Answer(how="endless")
        with PinnedHttp(AllowList([], ["127.0.0.1/32"], (port_of(server),)), 5.0) as http:
            assert len(http.post(server.url, b"{}", {}).body) == 64 * 1024


OTHER_PUBLIC, PRIVATE = "2606:4700::1111", "10.0.0.7"


def strict(*addresses: str, networks: tuple[str, ...] = ()) -> AllowList:
    """An allow list with one host; every name that is asked resolves to `addresses`."""
    return AllowList(["platform.example.org"], networks, [443, 80], lambda _host, _port: addresses)


def test_a_public_host_that_is_not_listed_is_refused():
    allowed = strict(PUBLIC)
    assert allowed.resolve("platform.example.org", 443).address == PUBLIC
    with pytest.raises(EgressError, match="不在 allowed_hosts"):
        allowed.resolve("elsewhere.example.org", 443)
    with pytest.raises(EgressError, match="不在 allowed_hosts"):
        allowed.check_url("https://elsewhere.example.org/")


def test_a_name_with_one_address_that_is_not_allowed_is_refused_whole():
    for addresses in (
        (PUBLIC, PRIVATE),
        (PRIVATE, PUBLIC),
        (PUBLIC, OTHER_PUBLIC, "224.0.0.5"),
        (PUBLIC, "169.254.169.254"),
    ):
        with pytest.raises(EgressError):
            strict(*addresses).resolve("platform.example.org", 443)
    assert strict(PRIVATE, networks=("10.0.0.0/24",)).resolve("platform.example.org", 443).address == PRIVATE


def test_a_name_without_an_address_and_a_port_that_is_not_listed_are_refused():
    with pytest.raises(EgressError, match="没有地址"):
        strict().resolve("platform.example.org", 443)
    with pytest.raises(EgressError, match="allowed_ports"):
        strict(PUBLIC).resolve("platform.example.org", 8443)


def test_plain_http_goes_to_an_allowed_network_only():
    with pytest.raises(EgressError, match="明文经过公网"):
        strict(PUBLIC).check_url("http://platform.example.org/")
    _, target = strict(PRIVATE, networks=("10.0.0.0/24",)).check_url("http://platform.example.org/")
    assert (target.address, target.port) == (PRIVATE, 80)


def test_a_public_address_and_another_scheme_are_refused_on_a_listed_port_too():
    with pytest.raises(EgressError, match="不在 allowed_networks"):
        strict(PUBLIC).check_url(f"https://{PUBLIC}/")
    for scheme in ("ftp", "ws", "gopher"):
        with pytest.raises(EgressError, match="不允许"):
            strict(PUBLIC).check_url(f"{scheme}://platform.example.org:443/")


def test_the_authorities_that_certificates_are_checked_by_are_read_once_for_all_channels(
    monkeypatch: pytest.MonkeyPatch,
):
    """It takes 30 ms of the processor each time."""
    read, read_them = [], ssl.SSLContext.load_verify_locations

    def counted(context: ssl.SSLContext, *where: str, **named: str | None) -> None:
        read.append(context)
        read_them(context, *where, **named)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", counted)
    for _ in range(3):
        PinnedHttp(allow_list(), 5.0).close()
    assert len(read) <= 1
