"""dev-sec's nginx baseline."""

from __future__ import annotations

import re

from testinfra.host import Host

from controls import control


def configuration(server: Host) -> str:
    """All that nginx reads, without comments."""
    return "\n".join(line.partition("#")[0].strip() for line in server.check_output("nginx -T 2>/dev/null").splitlines())


def values(server: Host, directive: str) -> set[str]:
    return set(re.findall(rf"^{directive}\s+(.+?);", configuration(server), re.MULTILINE))


def headers(server: Host) -> dict[str, set[str]]:
    """What is added to answers by nginx itself."""
    found: dict[str, set[str]] = {}
    for value in values(server, "add_header"):
        name, _space, content = value.partition(" ")
        found.setdefault(name.lower(), set()).add(content.removesuffix("always").strip(" \"'"))
    return found


def answer(server: Host, *options: str) -> str:
    url = f"https://tatis.{server.backend.name}.example.com/"
    return server.check_output(f"curl --silent --include --insecure --http1.1 --max-time 10 {' '.join(options)} --connect-to ::127.0.0.1: {url}")


@control("nginx-01")
def workers_are_not_root(server: Host) -> None:
    users = server.check_output("ps -o user= -p $(pgrep --full --delimiter , '^nginx: worker')").split()
    assert users
    assert set(users) == {"www-data"}


@control("nginx-02")
def the_configuration_is_root_s_to_read(server: Host) -> None:
    file = server.file("/etc/nginx/nginx.conf")
    assert (file.user, file.group, file.mode & 0o027) == ("root", "root", 0)


@control("nginx-03")
def nothing_is_left_of_the_package_s_example(server: Host) -> None:
    assert not server.file("/etc/nginx/conf.d/default.conf").exists
    assert not server.file("/etc/nginx/sites-enabled/default").exists


@control("nginx-04")
def one_nginx_runs(server: Host) -> None:
    assert len(server.check_output("pgrep --full '^nginx: master'").split()) == 1


@control("nginx-05")
def the_version_is_nobody_s_business(server: Host) -> None:
    assert re.search(r"^Server: nginx\r?$", answer(server), re.MULTILINE)
    assert values(server, "server_tokens") == {"off"}


@control("nginx-06")
def requests_are_tiny(server: Host) -> None:
    assert values(server, "client_max_body_size") == {"1k"}
    assert values(server, "large_client_header_buffers") == {"2 1k"}


@control("nginx-07")
def an_address_has_few_connections(server: Host) -> None:
    assert values(server, "limit_conn") == {"default 5"}


@control("nginx-08")
def pages_are_not_framed(server: Host) -> None:
    assert headers(server).get("x-frame-options", set()) & {"SAMEORIGIN", "DENY"}


@control("nginx-09")
def old_browsers_filter_scripts(server: Host) -> None:
    assert headers(server).get("x-xss-protection") == {"1; mode=block"}


@control("nginx-10")
def browsers_do_not_guess_types(server: Host) -> None:
    assert headers(server).get("x-content-type-options") == {"nosniff"}


@control("nginx-12")
def tls_is_new(server: Host) -> None:
    protocols = {word for value in values(server, "ssl_protocols") for word in value.split()}
    assert protocols
    assert protocols <= {"TLSv1.2", "TLSv1.3"}
    assert values(server, "ssl_dhparam"), "the baseline wants primes for DHE"


@control("nginx-13")
def browsers_remember_tls(server: Host) -> None:
    assert any("max-age=" in value for value in headers(server).get("strict-transport-security", set()))


@control("nginx-14")
def unusual_methods_are_refused(server: Host) -> None:
    assert re.match(r"HTTP/1.1 (403|405|444)", answer(server, "--request", "DELETE"))


@control("nginx-15")
def the_server_says_where_scripts_come_from(server: Host) -> None:
    assert headers(server).get("content-security-policy") == {"script-src 'self'; object-src 'self'"}


@control("nginx-16")
def cookies_are_not_for_scripts(server: Host) -> None:
    assert values(server, "set_cookie_flag") == {"* HttpOnly secure"}


@control("nginx-17")
def slow_clients_are_dropped(server: Host) -> None:
    wanted = {"client_body_timeout": {"10"}, "client_header_timeout": {"10"}, "keepalive_timeout": {"5 5"}, "send_timeout": {"10"}}
    assert {name: values(server, name) for name in wanted} == wanted
