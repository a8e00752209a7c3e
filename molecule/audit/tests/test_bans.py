"""Whoever asks a site too much, or tries its passwords, is banned, and never the server itself."""

from on_server import until

# As nginx writes them.
GUESS = '{address} - - [{time}] "POST /back-office/login/?next=/ HTTP/1.1" 200 2841 "-" "curl/8"'
SUCCESS = '{address} - - [{time}] "POST /back-office/login/?next=/ HTTP/1.1" 302 0 "-" "curl/8"'
REFUSAL = '{time} [error] 7#7: *9 limiting requests, excess: 5.1 by zone "site", client: {address}, server: x, request: "GET / HTTP/1.1", host: "x"'
ACCESS_TIME, ERROR_TIME = "%d/%b/%Y:%H:%M:%S %z", "%Y/%m/%d %H:%M:%S"


def log(server, file, line, address, time, times):
    text = line.format(address=address, time=server.check_output("date +%s", time))
    server.check_output("for _ in $(seq %s); do echo %s; done >>%s", str(times), text, f"/var/log/nginx/{file}")


def banned(server, jail):
    return server.check_output(f"fail2ban-client get {jail} banip").split()


def test_who_tries_passwords_is_banned_and_the_server_itself_is_not(server):
    log(server, "tatis.access.log", GUESS, "127.0.0.1", ACCESS_TIME, 25)
    log(server, "tatis.access.log", GUESS, "198.51.100.6", ACCESS_TIME, 19)
    log(server, "tatis.access.log", SUCCESS, "198.51.100.7", ACCESS_TIME, 25)
    log(server, "tatis.access.log", GUESS, "198.51.100.8", ACCESS_TIME, 21)
    until(server, 60, "fail2ban-client get shortstop-nginx-login banip | grep -q 198.51.100.8")
    assert banned(server, "shortstop-nginx-login") == ["198.51.100.8"]


def test_who_goes_on_after_a_refusal_is_banned(server):
    log(server, "tatis.error.log", REFUSAL, "198.51.100.9", ERROR_TIME, 61)
    until(server, 60, "fail2ban-client get shortstop-nginx-limit banip | grep -q 198.51.100.9")
    assert "198.51.100.9" in server.check_output("nft list table inet f2b-table")
