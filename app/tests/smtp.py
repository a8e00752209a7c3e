"""A mail server with STARTTLS and AUTH, as those that errors are mailed through, which keeps what it takes."""

import email
import email.policy
import ssl
import threading
from email.message import EmailMessage
from pathlib import Path

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

USER, PASSWORD = "apikey", 'SG.a-"secret"\\of the mail account'


class MailServer(Controller):
    """Takes mail on 127.0.0.1 from USER with PASSWORD over TLS, and from nobody else. Its authority's certificate is in directory.

    port 0 is a free one. keep: a directory that gets a file for each message, too.
    """

    def __init__(self, directory: Path, port: int = 0, keep: Path | None = None) -> None:
        authority = trustme.CA()
        self.authority_file = directory / "authority.pem"
        authority.cert_pem.write_to_path(self.authority_file)
        self.messages: list[EmailMessage] = []
        self._keep = keep
        self._arrived = threading.Condition()
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost").configure_cert(self._context)
        super().__init__(self, hostname="127.0.0.1", port=port)

    def factory(self) -> SMTP:
        return SMTP(self, require_starttls=True, tls_context=self._context, auth_required=True, authenticator=self._authenticate)

    def _trigger_server(self) -> None:
        # The base class connects to the port that it was given, which is none.
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()

    def _authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: object) -> AuthResult:
        return AuthResult(success=(given.login, given.password) == (USER.encode(), PASSWORD.encode()), handled=False)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        with self._arrived:
            self.messages.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
            if self._keep:
                self._keep.mkdir(exist_ok=True)
                message = self.messages[-1]
                (self._keep / f"{len(self.messages):03}").write_text(f"Subject: {message['Subject']}\n\n{message.get_content()}", encoding="utf-8")
            self._arrived.notify_all()
        return "250 OK"

    def wait_for(self, number: int, seconds: float = 20) -> list[EmailMessage]:
        """The messages, as soon as there are so many."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.messages) >= number, seconds), f"{len(self.messages)} mails arrived in {seconds} s, not {number}"
            return list(self.messages)

    @property
    def variables(self) -> dict[str, str]:
        """What a site's environment says of it."""
        return {
            "DJANGO_ADMINS": "ada@example.com",
            "DJANGO_SERVER_EMAIL": "tatis@example.com",
            "DJANGO_EMAIL_HOST": "localhost",
            "DJANGO_EMAIL_PORT": str(self.port),
            "DJANGO_EMAIL_HOST_USER": USER,
            "DJANGO_EMAIL_HOST_PASSWORD": PASSWORD,
            "SSL_CERT_FILE": str(self.authority_file),
        }
