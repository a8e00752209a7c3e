#!/usr/bin/env bash
# setup.sh SERVER NAME DOMAIN SOURCE: serve a Django site from a fresh server, as tutorials do it. SSH is the command that reaches the server.
set -euo pipefail

server=$1 name=$2 domain=$3 source=$4

${SSH:-ssh} "$server" bash -s -- "$name" "$domain" <<'ON_THE_SERVER'
set -euo pipefail
name=$1 domain=$2
export DEBIAN_FRONTEND=noninteractive

apt-get update -qq
apt-get install -qq --yes --no-install-recommends nginx postgresql python3-venv rsync ufw >/dev/null

ufw allow 22/tcp >/dev/null
ufw allow 80/tcp >/dev/null
ufw --force enable >/dev/null

id "$name" >/dev/null 2>&1 || adduser --quiet --system --group --home "/srv/$name" "$name"

as_postgres() { (cd / && runuser -u postgres -- "$@"); }
as_postgres psql -tAc "SELECT 1 FROM pg_roles WHERE rolname = '$name'" | grep -q 1 || as_postgres createuser "$name"
as_postgres psql -tAc "SELECT 1 FROM pg_database WHERE datname = '$name'" | grep -q 1 || as_postgres createdb --owner "$name" "$name"

mkdir -p "/srv/$name/state"
chown "$name:" "/srv/$name/state"
[ -e "/srv/$name/.env" ] || (
    umask 077
    cat >"/srv/$name/.env" <<END
DJANGO_SECRET_KEY=$(python3 -c 'import secrets; print(secrets.token_urlsafe(50))')
DJANGO_ALLOWED_HOSTS=$domain
DJANGO_STATIC_ROOT=/srv/$name/static
DJANGO_STATE_DIR=/srv/$name/state
DJANGO_CACHE_URL=dummycache://
DATABASE_URL=postgres:///$name
END
)

cat >"/etc/systemd/system/$name.socket" <<END
[Unit]
Description=gunicorn socket

[Socket]
ListenStream=/run/$name.sock
SocketUser=www-data

[Install]
WantedBy=sockets.target
END
cat >"/etc/systemd/system/$name.service" <<END
[Unit]
Description=gunicorn daemon
Requires=$name.socket
After=network.target

[Service]
Type=notify
User=$name
Group=$name
WorkingDirectory=/srv/$name/source
EnvironmentFile=/srv/$name/.env
ExecStart=/srv/$name/venv/bin/gunicorn --access-logfile - --workers 3 --bind unix:/run/$name.sock $name.wsgi:application

[Install]
WantedBy=multi-user.target
END
cat >"/etc/nginx/sites-available/$name" <<END
server {
    listen 80;
    server_name $domain;

    location /static/ {
        alias /srv/$name/static/;
    }

    location / {
        include proxy_params;
        proxy_pass http://unix:/run/$name.sock;
    }
}
END
ln -sf "/etc/nginx/sites-available/$name" /etc/nginx/sites-enabled/
rm -f /etc/nginx/sites-enabled/default
systemctl daemon-reload
systemctl enable --quiet --now "$name.socket"
nginx -t -q
systemctl restart nginx
ON_THE_SERVER

"$(dirname "$0")/deploy.sh" "$server" "$name" "$source"
