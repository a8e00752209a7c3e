#!/usr/bin/env bash
# deploy.sh SERVER NAME SOURCE: replace the code of a site, as tutorials do it. SSH is the command that reaches the server.
set -euo pipefail

server=$1 name=$2 source=$3

rsync --archive --delete --exclude __pycache__ --rsh "${SSH:-ssh}" "$source/" "$server:/srv/$name/source/"

${SSH:-ssh} "$server" bash -s -- "$name" <<'ON_THE_SERVER'
set -euo pipefail
name=$1
cd "/srv/$name/source"
[ -d ../venv ] || python3 -m venv ../venv
../venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
chown -R "$name:" "/srv/$name/source"

set -a
. ../.env
set +a
runuser -u "$name" -- ../venv/bin/python manage.py migrate --no-input --verbosity 0
../venv/bin/python manage.py collectstatic --no-input --verbosity 0

systemctl enable --quiet "$name.service"
systemctl restart "$name.service"
ON_THE_SERVER
