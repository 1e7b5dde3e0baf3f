#!/bin/sh
# Verifies a webhook by hand: exits 0 if the body on standard input is signed with the secret.
#
#     WEBHOOK_SECRET=whsec_... ./verify.sh "$webhook_id" "$webhook_timestamp" "$webhook_signature" < body.json
#
# A signature header may hold several, separated by spaces: while a secret is rotated, there are two. Whoever keeps such
# a request has to check its time, too: more than five minutes from now is somebody's recording. NOW is for tests.
set -eu
id=$1 at=$2 signatures=$3
now=${NOW:-$(date +%s)}
[ $((now - at)) -le 300 ] && [ $((at - now)) -le 300 ] || { echo "too old, or from the future" >&2; exit 1; }
key=$(printf %s "${WEBHOOK_SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
made=v1,$({ printf %s "$id.$at."; cat; } | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)
for each in $signatures; do
  [ "$each" = "$made" ] && exit 0
done
echo "not signed with this secret" >&2
exit 1
