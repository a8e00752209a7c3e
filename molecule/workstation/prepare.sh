set -eu
useradd --create-home ada
useradd --create-home deploy

# Ada's dotfiles mean well for other servers: ours must not be shadowed by them, nor one byte of them be lost.
cd /home/ada
mkdir --mode 0700 .ssh .ansible .ansible/tmp before dotfiles
cp /root/.ssh/authorized_keys .ssh/
printf 'ServerAliveInterval 77\r\nHost *\r\n\tUser nobody\r\n\tPort 1\r\n\tIdentityFile ~/.ssh/none\r\n# BEGIN theirs\n' >dotfiles/ssh_config
printf '\tStrictHostKeyChecking no\n\tUserKnownHostsFile /dev/null\n# END theirs\n\n\n# \xff, and no end' >>dotfiles/ssh_config
printf '# mine\r\nexample.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI%043d\n# \xff, and no end' 0 >.ssh/known_hosts
ln --symbolic ../dotfiles/ssh_config .ssh/config
chmod 0640 dotfiles/ssh_config
cp dotfiles/ssh_config .ssh/known_hosts before/
chown --recursive ada:ada .

# The host's own sshd is one server, this is the other. What makes servers lets the operator's key in.
mkdir --parents /etc/uat
printf 'Port 2222\nHostKey /etc/uat/key\nAuthorizedKeysFile /etc/ssh/operators\nPidFile /run/uat.pid\n' >/etc/uat/sshd_config
printf 'AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/operators\n' >/etc/ssh/sshd_config.d/operators.conf
printf '[Unit]\nAfter=ssh.service\n[Service]\nExecStart=/usr/sbin/sshd -D -f /etc/uat/sshd_config\n' >/etc/systemd/system/uat.service
ssh-keygen -q -t ed25519 -N '' -f /etc/uat/key
systemctl daemon-reload
systemctl restart ssh uat
