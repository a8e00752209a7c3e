"""What the client makes of an API that is slow, busy, broken, or not there at all."""

from __future__ import annotations

import socket
import ssl
from urllib.error import URLError

import pytest

from ansible_collections.shortstop.django.plugins.module_utils.digitalocean import OPTIONS, Request

LIST = "GET /v2/droplets?tag_name=shortstop&page=1&per_page=200"
ABOUT = 'droplets with tag "shortstop"'


@pytest.fixture
def look(digitalocean):
    """Lists the droplets; returns the message if that fails."""

    def looking(**options: object) -> str:
        return digitalocean("droplets_info", **options).get("msg", "")

    return looking


def test_it_works(look, fake):
    assert look() == ""
    assert fake.asked() == [LIST]


def test_a_token_that_is_not_accepted_is_told_with_the_scopes(look, fake):
    fake.token = "another"
    assert look() == f"{ABOUT}: the API does not accept the token (401, Unable to authenticate you); it needs the scopes droplet:read, tag:read"
    assert fake.asked() == [LIST]


def test_a_scope_that_is_missing_is_told(look, fake):
    fake.trouble(status=403, message="You are not authorized")
    assert look() == f"{ABOUT}: the token does not allow GET /v2/droplets (403, You are not authorized); it needs the scopes droplet:read, tag:read"


def test_nothing_there_is_told(look, fake):
    fake.trouble(status=404, message="The resource you were accessing could not be found.")
    assert look() == f"{ABOUT}: the API knows nothing at /v2/droplets (404, The resource you were accessing could not be found.)"


def test_a_refusal_has_the_words_of_the_api(look, fake):
    fake.trouble(status=422, message="page  is\ninvalid")
    assert look() == f"{ABOUT}: the API refuses GET /v2/droplets (422, page is invalid)"
    assert fake.asked() == [LIST]


@pytest.mark.parametrize("headers", [{"retry-after": "7"}, {"retry-after": "", "ratelimit-reset": "1700000007"}], ids=["retry-after", "ratelimit-reset"])
def test_a_busy_api_is_left_alone_for_as_long_as_it_asks(look, digitalocean, fake, headers):
    fake.trouble(status=429, headers=headers)
    assert look() == ""
    assert digitalocean.clock.slept == [7]
    assert digitalocean.shown == [f"  {ABOUT}: the API takes no more requests for now (429); again in 7 s"]


@pytest.mark.parametrize("headers", [{"ratelimit-reset": ""}, {"ratelimit-reset": "1600000000"}, {"retry-after": "soon", "ratelimit-reset": ""}])
def test_a_busy_api_that_does_not_say_for_how_long_is_asked_ever_less_often(look, digitalocean, fake, headers):
    fake.trouble(status=429, headers=headers, times=4)
    assert look() == ""
    assert digitalocean.clock.slept == [1, 2, 4, 8]


def test_a_busy_api_is_not_waited_for_for_longer_than_allowed(look, digitalocean, fake):
    fake.trouble(status=429, headers={"retry-after": "3000"})
    assert look() == (f"{ABOUT}: the API takes no more requests for another 3000 s (429), which is longer than wait_timeout allows (300 s); try again later")
    assert digitalocean.clock.slept == []


def test_an_api_that_stays_busy_is_given_up(look, digitalocean, fake):
    fake.trouble(status=429, headers={"retry-after": "7"}, times=100)
    assert "another 7 s (429)" in look(wait_timeout=20)
    assert digitalocean.clock.slept == [7, 7]


def test_a_busy_api_has_done_nothing_so_it_is_asked_again_to_make_a_thing(digitalocean, fake):
    fake.trouble(method="POST", status=429, headers={"retry-after": "7"})
    assert digitalocean("domain", name="example.com")["changed"]
    assert fake.changes() == ["POST /v2/domains"] * 2
    assert digitalocean.clock.slept == [7]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_two_failures_of_the_api_are_sat_out(look, digitalocean, fake, status):
    fake.trouble(status=status, times=2)
    assert look() == ""
    assert fake.asked() == [LIST] * 3
    assert digitalocean.clock.slept == [2, 5]


def test_an_api_that_keeps_failing_is_given_up(look, fake):
    fake.trouble(status=500, message="Server was unable to give you a response.", times=100)
    assert look() == f"{ABOUT}: the API failed at GET /v2/droplets (500, Server was unable to give you a response.)"
    assert fake.asked() == [LIST] * 4


def test_an_api_that_fails_at_a_new_thing_is_asked_again_when_the_thing_is_not_there(digitalocean, fake):
    fake.trouble(method="POST", status=500, times=2)
    assert digitalocean("domain", name="example.com")["changed"]
    assert fake.changes() == ["POST /v2/domains"] * 3


def test_an_api_that_keeps_failing_at_a_new_thing_is_given_up(digitalocean, fake):
    fake.trouble(method="POST", status=500, times=100)
    assert digitalocean("domain", name="example.com")["msg"] == 'domain "example.com": the API failed at POST /v2/domains (500, trouble)'
    assert fake.changes() == ["POST /v2/domains"] * 3


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_connection_is_tried_again(look, fake, when):
    fake.trouble(reset=when, times=2)
    assert look() == ""
    assert fake.asked() == [LIST] * 3


def test_a_slow_answer_is_given_up_with_what_was_asked_for(look, fake, monkeypatch):
    monkeypatch.setitem(OPTIONS["request_timeout"], "type", "float")
    fake.trouble(delay=60, times=100)
    assert look(request_timeout=0.1) == f"{ABOUT}: {fake.url} did not answer GET /v2/droplets within 0.1 s"
    assert fake.asked() == [LIST] * 4


def test_an_api_that_is_not_there_is_told(look):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        assert look(api_url=url) == f"{ABOUT}: the connection to {url} failed at GET /v2/droplets (Connection refused)"


@pytest.mark.parametrize("text", ["<html>Welcome</html>", "[]", '"text"'])
def test_an_answer_that_is_none_of_the_api_is_told(look, fake, text):
    fake.trouble(text=text)
    assert look() == f"{ABOUT}: the answer to GET /v2/droplets is none of the API's (200, {text}); is api_url right?"


def test_an_error_that_is_none_of_the_api_is_told(look, fake):
    fake.trouble(status=418, text="<html>teapot</html>")
    assert look() == f"{ABOUT}: the API refuses GET /v2/droplets (418, <html>teapot</html>)"


def test_nobody_is_followed_to_another_place(look, fake):
    fake.trouble(status=302, headers={"location": f"{fake.url}/v2/elsewhere"})
    assert look().startswith(f"{ABOUT}: the answer to GET /v2/droplets is none of the API's (302, ")
    assert fake.asked() == [LIST]


def test_a_certificate_of_somebody_else_is_not_tried_again(look, digitalocean, monkeypatch):
    def refuse(*_words: object, **_options: object) -> None:
        error = ssl.SSLCertVerificationError()
        error.verify_message = "self-signed certificate"
        raise URLError(error)

    monkeypatch.setattr(Request, "open", refuse)
    assert look() == f"{ABOUT}: {digitalocean.fake.url} does not prove that it is the one it claims to be (self-signed certificate)"
    assert digitalocean.clock.slept == []


@pytest.mark.parametrize("url", ["http://api.digitalocean.com", "ftp://127.0.0.1", "api.digitalocean.com", "http://127.0.0.1.example.com"])
def test_the_token_does_not_travel_in_the_open(look, url):
    assert look(api_url=url) == f"{ABOUT}: api_url is {url}, where everybody could read the token on its way; it must begin with https://"


@pytest.mark.parametrize("token", ["", " ", "two words", "a\nb"])
def test_a_token_that_cannot_be_one_is_told(look, fake, token):
    assert look(api_token=token).startswith(f"{ABOUT}: there is no usable token; set api_token, or DO_API_TOKEN or DIGITALOCEAN_TOKEN")
    assert fake.asked() == []


@pytest.mark.parametrize("name", ["DO_API_TOKEN", "DIGITALOCEAN_TOKEN"])
def test_the_environment_stands_in_for_options(look, digitalocean, fake, monkeypatch, name):
    monkeypatch.setenv(name, digitalocean.token)
    monkeypatch.setenv("DIGITALOCEAN_API_URL", fake.url)
    assert look(api_token=None, api_url=None) == ""
    assert fake.asked() == [LIST]


@pytest.mark.parametrize("trouble", [{"status": 422, "message": "not Bearer dop_v1_secret"}, {"text": "not JSON: dop_v1_secret"}])
def test_a_token_that_is_sent_back_is_not_shown(look, fake, trouble):
    fake.trouble(**trouble)
    assert "…" in look()


def test_a_netrc_does_not_take_the_place_of_the_token(look, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert look() == ""
