#!/bin/sh
# Starts nginx with the users of HTPASSWD: lines of `htpasswd -nB user`, from a secret. Without one nobody gets in: it does not start.
set -eu

refuse() {
  echo "nginx was not started: $1" >&2
  exit 1
}

[ -n "${HTPASSWD:-}" ] || refuse "HTPASSWD is not set. Give it under \`secrets\`, from a secret that has what \`htpasswd -nB user\` prints."
# `htpasswd` ends what it prints with an empty line.
HTPASSWD=$(printf '%s\n' "$HTPASSWD" | sed '/^[[:space:]]*$/d')
[ -n "$HTPASSWD" ] || refuse "HTPASSWD is empty. Make a line for each user by \`htpasswd -nB user\`."
if printf '%s\n' "$HTPASSWD" | grep -Eqv '^[^:]+:[$]2[aby][$][0-9]{2}[$][./A-Za-z0-9]{53}$'; then
  refuse "HTPASSWD has a line that is no bcrypt. Make each by \`htpasswd -nB user\`."
fi

folder=${TMPDIR:-/tmp}/nginx
mkdir -p "$folder"
cp "$(dirname "$0")/nginx.conf" "$folder/nginx.conf"
echo "upstream webserver { server ${WEBSERVER:-127.0.0.1:3000}; }" >"$folder/webserver.conf"
echo "listen ${LISTEN:-8080};" >"$folder/listen.conf"
umask 077
printf '%s\n' "$HTPASSWD" >"$folder/htpasswd"
unset HTPASSWD
exec nginx -p "$folder" -c "$folder/nginx.conf"
