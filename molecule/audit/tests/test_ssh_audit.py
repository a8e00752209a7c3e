"""What sshd of a whole host speaks. Last, since sshd turns away whoever asks so much."""

from on_server import ssh_audit


def test_sshd_speaks_what_ssh_audit_asks_for_and_nothing_else(server):
    said = ssh_audit(server)
    assert said.returncode == 0, said.stdout
