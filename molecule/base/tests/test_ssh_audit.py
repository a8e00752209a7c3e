"""What sshd speaks. Last, since sshd turns away whoever asks so much."""

from on_server import ssh_audit


def test_sshd_speaks_what_ssh_audit_asks_for_and_nothing_else(server):
    said = ssh_audit(server)
    assert said.returncode == 0, said.stdout


def test_ssh_audit_sees_a_weak_cipher(server):
    server.check_output("sed --in-place 's/^Ciphers /Ciphers aes128-cbc,/' /etc/ssh/sshd_config.d/00-shortstop.conf && systemctl restart ssh")
    said = ssh_audit(server)
    assert said.returncode != 0
    assert "aes128-cbc" in said.stdout
