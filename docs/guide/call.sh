# The words that the guide is written in; for bash and zsh, with curl and python3. In the project's folder:
#
#   source docs/guide/call.sh
#
#   call METHOD PATH [JSON]   call the API and print its answer; each write has an Idempotency-Key of its own, under which it
#                             is sent again after a 429 or 503. An error is printed like any answer, and the call fails
#   show FIELD...             of an answer on standard input, print these fields; of a list, a line for each element
#   value FIELD               print one field as it is: id=$(call ... | value id)
#   until_is VALUE FIELD PATH wait for what happens behind a request: ask until the field is that
#   payer METHOD PATH [JSON]  play the payer, or the bank, at the Stripe sandbox of `make run`
#
# A field inside another is lines.0.amount. Address and key are those of `make run`, or what you have set LEDGERLINE_URL and
# LEDGERLINE_KEY to.

if [ "${LEDGERLINE_URL-}" = "${_local_url-}" ]; then
  if [ -f .local/stack.json ]; then
    eval "$(python3 -S -c '
import json, shlex
stack = json.load(open(".local/stack.json"))
names = {"URL": "api_url", "KEY": "api_key", "PLATFORM_KEY": "platform_api_key", "SANDBOX_URL": "stripe_url"}
for name, field in names.items():
    print(f"export LEDGERLINE_{name}={shlex.quote(stack[field])}")')"
    _local_url=$LEDGERLINE_URL
  else
    echo "no stack runs here: say 'make run' in another terminal, and wait for 'Ledgerline is running'" >&2
  fi
fi

# With a proxy that you may have, but not to this machine.
_curl() {
  _direct=${no_proxy:-${NO_PROXY:-}}
  [ "$_direct" = '*' ] || _direct=127.0.0.1,localhost,$_direct
  curl -sS --noproxy "$_direct" "$@"
}

call() {
  _method=$1 _path=$2
  shift 2
  # 24 hexadecimal digits by themselves, which no card number is; and no $RANDOM, which repeats itself in zsh's subshells.
  _key=k-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
  _answer=$(mktemp)
  for _pause in 1 2 4 8 0; do
    _status=$(_curl -o "$_answer" -w '%{http_code}' -X "$_method" "$LEDGERLINE_URL$_path" -H "X-API-Key: $LEDGERLINE_KEY" \
      -H "Idempotency-Key: $_key" -H 'Content-Type: application/json' ${1+-d} ${1+"$1"})
    # Under the same key: whether or not it has happened before, it happens once.
    case $_status in 429 | 503) sleep "$_pause" ;; *) break ;; esac
  done
  cat "$_answer"
  rm "$_answer"
  [ "$_status" -ge 200 ] && [ "$_status" -lt 400 ]
}

payer() {
  _curl -o /dev/null -w '' -X "$1" "$LEDGERLINE_SANDBOX_URL$2" -H 'Content-Type: application/json' -d "${3-{\}}"
}

_fields() {
  python3 -S -c '
import json, sys
kind, *fields = sys.argv[1:]
body = json.load(sys.stdin)
found = body.get("data", body.get("error", body))
elements = found if isinstance(found, list) else [found]
for each in elements[:1] if kind == "value" else elements:
    shown = {}
    for field in fields:
        shown[field] = each
        try:
            for name in field.split("."):
                shown[field] = shown[field][int(name) if isinstance(shown[field], list) else name]
        except (KeyError, IndexError, TypeError):
            sys.exit(f"no {field} in {json.dumps(each)}")
    print(*shown.values()) if kind == "value" else print(json.dumps(shown, ensure_ascii=False))' "$@"
}

show() { _fields show "$@"; }

value() { _fields value "$1"; }

until_is() {
  for _try in $(seq 300); do
    [ "$(call GET "$3" | value "$2" 2>/dev/null)" = "$1" ] && return
    sleep 0.2
  done
  echo "after a minute $2 is still not $1" >&2
  return 1
}
