#!/usr/bin/env bash
# A certificate authority for tests, with certificates of one server and of one client, and the TLS configuration.
#
#   serving/make_test_ca.sh FOLDER [HOST ...]
#
# HOST are the names that clients call the server by; localhost unless given. Keys are not encrypted: for tests only.
set -euo pipefail
if [ $# -lt 1 ]; then
  sed -n '2,6p' "$0" | cut -c3-
  exit 2
fi
folder=$1
shift
hosts=("${@:-localhost}")
if [ -e "$folder" ] && [ -n "$(ls -A "$folder")" ]; then
  echo "The folder must be new or empty. Received: $folder" >&2
  exit 2
fi
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"

names="IP:127.0.0.1"
for host in "${hosts[@]}"; do names="$names,DNS:$host"; done

openssl req -x509 -newkey rsa:3072 -nodes -days 30 -subj "/CN=rugan test authority" \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign -keyout ca.key -out ca.pem 2> /dev/null
for name in server client; do
  openssl req -newkey rsa:3072 -nodes -subj "/CN=$name" -keyout "$name.key" -out "$name.csr" 2> /dev/null
  printf 'subjectAltName=%s\nextendedKeyUsage=%sAuth\n' "$names" "$name" > "$name.ext"
  openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile "$name.ext" \
    -out "$name.pem" 2> /dev/null
  rm "$name.csr" "$name.ext"
done
rm -f ca.srl

quoted() { printf '"'; awk '{ printf "%s\\n", $0 }' "$1"; printf '"'; }
{
  printf 'server_key: %s\n' "$(quoted server.key)"
  printf 'server_cert: %s\n' "$(quoted server.pem)"
  printf 'custom_ca: %s\n' "$(quoted ca.pem)"
  printf 'client_verify: true\n'
} > ssl.config

echo "$folder: ca.pem, server.pem and client.pem with their keys, ssl.config for --ssl_config_file; valid for 30 days"
