# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The time that make test may take, whatever the machine. Source it after checks.sh.
#
# BUDGET is in minutes, 75 unless given; 0 is as long as it takes. What is essential is
# done first and always. Any other group of checks is done if the time that is left is
# enough for it; if not, it is left out, and counted neither as passed nor as failed.
#
# COSTS has a group and its seconds a line, as they were on the reference machine with
# nothing built before. A machine is slower than that by what its emulation takes now,
# or by what the groups so far took, whichever is more.

BUDGET=${BUDGET:-75}
COSTS=${COSTS:-$SERIES/test-costs}
# So much more may a group take that was begun in time
GRACE=240
budget_begin=$SECONDS
spent=0 expected=0
left_out=()

cost() { awk -F'\t' -v group="$1" '$1 == group { print $2; found = 1 } END { if (!found) print 300 }' "$COSTS"; }

# slowness: in per cent of the reference machine's time
slowness()
{
	local now seen=0
	"$SERIES/tools/speed" >/dev/null
	now=$(cat "$BUILD/speed")
	[ "$expected" -lt 300 ] || seen=$((100 * spent / expected))
	say $((seen > now ? seen : now))
}

# set_amount: how much of the random work is done, in per cent; AMOUNT for all tools
set_amount()
{
	local slow
	export AMOUNT=100
	[ "$BUDGET" -gt 0 ] || return 0
	slow=$(slowness)
	[ "$slow" -le 120 ] || AMOUNT=$((10000 / slow))
	[ "$AMOUNT" -ge 20 ] || AMOUNT=20
}

# in_time GROUP: is there time for it?
in_time()
{
	local need left=$((60 * BUDGET - (SECONDS - budget_begin)))
	[ "$BUDGET" -gt 0 ] || return 0
	need=$(($(cost "$1") * $(slowness) / 100))
	[ "$need" -gt "$left" ] || return 0
	say "left out: $1, which would take $(elapsed $need), with $(elapsed $((left > 0 ? left : 0))) left"
	left_out+=("$1")
	return 1
}

# run_group GROUP [essential]: do_GROUP, if there is time
run_group()
{
	local from=$SECONDS
	unset DEADLINE
	if [ "${2:-}" != essential ]; then
		in_time "$1" || return 0
		[ "$BUDGET" -eq 0 ] || export DEADLINE=$((EPOCHSECONDS + 60 * BUDGET + GRACE - (SECONDS - budget_begin)))
	fi
	"do_$1"
	spent=$((spent + SECONDS - from)) expected=$((expected + $(cost "$1")))
	printf '%s\t%d\n' "$1" $((SECONDS - from)) >>"$BUILD/log/test-costs"
}

# budget_report: what took longest, and what was not done
budget_report()
{
	say "--- the slowest ten"
	sort -rn "$BUILD/log/test-times" | head -n 10 | while IFS=$'\t' read -r seconds name; do
		printf '%7s  %s\n' "$(elapsed "$seconds")" "$name"
	done
	[ "${AMOUNT:-100}" -eq 100 ] || say "reduced for lack of time: random work, to $AMOUNT %"
	# shellcheck disable=SC2154 # of checks.sh
	[ "$cut" -eq 0 ] || say "broken off for lack of time: $cut checks"
	[ ${#left_out[@]} -eq 0 ] || say "left out for lack of time: ${left_out[*]} (all: make test BUDGET=0)"
}
