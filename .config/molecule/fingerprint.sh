# All that a host is made of, as far as Shortstop could change it: packages, and names, modes, owners and contents of files.
export LC_ALL=C
dpkg-query --show
find /etc /srv /home /root /usr/local /var/lib/shortstop -printf '%p %y %m %u %g %l\n' 2>/dev/null | grep -v '^/root/\.ansible' | sort
find /etc /srv /home /usr/local -type f -exec sha256sum {} + | sort
