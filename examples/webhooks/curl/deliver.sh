#!/bin/sh
# Sends a receiver an event that is signed as Ledgerline signs, to try the receiver without Ledgerline:
#
#     WEBHOOK_SECRET=whsec_... ./deliver.sh http://127.0.0.1:9000/ evt_1 '{"id":"evt_1","type":"invoice.paid",...}'
#
# It shows all there is to a signature of Standard Webhooks: HMAC-SHA256 over "id.timestamp.body", keyed with the bytes
# whose base64 stands behind "whsec_". Needs curl, openssl and od. AT is the time to sign for, in Unix seconds.
set -eu
url=$1 id=$2 body=$3
at=${AT:-$(date +%s)}
key=$(printf %s "${WEBHOOK_SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
signature=$(printf %s "$id.$at.$body" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)
curl -sS -o /dev/null -w '%{http_code}\n' "$url" \
  -H 'content-type: application/json' -H "webhook-id: $id" -H "webhook-timestamp: $at" \
  -H "webhook-signature: v1,$signature" --data-binary "$body"
