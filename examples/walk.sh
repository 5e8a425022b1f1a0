# The walk of the README, for bash and zsh. Run it beside `playtime serve`, in the folder of the repository.

setopt interactive_comments 2>/dev/null || true
PATH="$PWD/.venv/bin:$PATH"
echo 'a long enough password' | playtime staff create owner-1 --password-stdin

API=${API:-http://127.0.0.1:8000/api/v1}
pick() { python3 -c 'import json, sys; v = json.load(sys.stdin)
for key in sys.argv[1].split("."): v = v[key]
print(v)' "$1"; }
post() { curl -s "$API$1" -H 'Content-Type: application/json' -H "Authorization: ${2:+Bearer $2}" -d "$3"; }
read_() { curl -s "$API$1" -H "Authorization: Bearer $2"; }

# The owner logs in, creates an operator, its first member of staff, and issues credit to it.
OWNER=$(post /staff/login '' '{"username": "owner-1", "password": "a long enough password"}' | pick token)
OPERATOR_ID=$(post /admin/tenants $OWNER '{"slug": "north", "name": "North", "kind": "OPERATOR"}' | pick tenant.tenantId)
post /admin/staff $OWNER '{"username": "desk", "password": "another long password", "role": "operator", "tenantId": "'$OPERATOR_ID'"}'
post /admin/tenants/$OPERATOR_ID/credit $OWNER '{"amountMinor": 1000000, "memo": "opening credit"}'

# The operator logs in (naming its tenant), creates an agent and moves credit to it.
OPERATOR=$(post /staff/login '' '{"username": "desk", "password": "another long password", "tenant": "north"}' | pick token)
AGENT_ID=$(post /admin/tenants $OPERATOR '{"slug": "kiosk", "name": "Kiosk", "kind": "AGENT"}' | pick tenant.tenantId)
post /admin/tenants/$AGENT_ID/credit $OPERATOR '{"amountMinor": 100000, "memo": "float"}'

# A voucher of 10.00 FUN costs the agent 15.00.
VOUCHER=$(post /voucher/agents/$AGENT_ID/vouchers $OPERATOR '{"amountMinor": 1000}')
CODE=$(printf %s "$VOUCHER" | pick voucher.code)
PIN=$(printf %s "$VOUCHER" | pick voucher.pin)

# Its code and PIN become a player, who spins.
PLAYER=$(post /voucher/redeem '' '{"code": "'$CODE'", "pin": "'$PIN'"}' | pick token)
post /bet/spin $PLAYER '{"stakeMinor": 100, "gameKey": "demo-wheel", "actionId": "my-first-spin"}'
read_ /player/me $PLAYER

# The operator reads the agent's accounts, its players, and the ledger, newest events first.
read_ /admin/tenants/$AGENT_ID/wallet $OPERATOR
read_ /admin/players $OPERATOR
read_ '/admin/ledger?limit=5' $OPERATOR

# Anyone can check a round. Rotating reveals the seed of the draw; the round's link shows everything else.
LINK=$(post /bet/spin $PLAYER '{"stakeMinor": 20, "gameKey": "night-orchard"}' | pick result.proof.link)
post /player/fairness/rotate $PLAYER '{"clientSeed": "my own words"}'
curl -s "$API/fair/rounds/$LINK" | playtime verify -

playtime smoke
playtime ledger verify
