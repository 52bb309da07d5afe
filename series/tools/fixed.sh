# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the series mends has to fail on the base, as series/guest/fixed says. Source it after
# lib.sh.

FIXED=${FIXED:-$SERIES/guest/fixed}

# fixed_where CONDITION: rows whose mark fulfils it, without the mark
fixed_where()
{
	awk -F'\t' -v OFS='\t' '/^#/ { next } { mark = split($1, part, "@") == 2 ? part[2] : "" }
		'"$1"' { $1 = part[1]; print }' "$FIXED"
}

# fixed_rows idt|fred: those that hold for such a CPU
fixed_rows() { fixed_where 'mark !~ /^(idt|fred)$/ || mark == "'"$1"'"'; }

# fixed_later: those that topics after step mend
fixed_later() { fixed_where 'mark !~ /^(idt|fred|)$/'; }

fixed_tests() { fixed_rows "$1" | cut -f 1 | sort -u; }

# result NAME TEST: what a guest says of a test
result() { awk -F'\t' -v test="$2" '$1 == test { print $2 }' "$BUILD/results/$1/tests.tsv"; }

# output NAME TEST: the lines of a test in a guest, in no order; of several attempts
# the last one counts
output() { tac "$BUILD/results/$1/logs/${2/:/.}" | sed '/^ATTEMPT /,$d'; }

# subtests_failed NAME TEST: those of a test that failed in a guest, by name
subtests_failed() { output "$@" | sed -nE 's/^(# )+not ok [0-9]+ (- )?//; T; s/ +#.*//; p' | sort; }

# fails_as_listed idt|fred GUEST TEST: what is listed of it, and nothing else of it, fails in
# this guest, for the reason that it should
fails_as_listed()
{
	local guest=$2 test=$3 rows line said
	if [ "$(result "$guest" "$test")" != fail ]; then
		say "  $test: $(result "$guest" "$test") on the base"
		return 1
	fi
	rows=$(fixed_rows "$1" | awk -F'\t' -v test="$test" '$1 == test')
	# The subtest * stands for some: a test that hangs does not come to all
	if ! grep -q $'\t[*]\t' <<<"$rows" &&
	   ! line=$(diff <(awk -F'\t' '$2 != "" { print $2 }' <<<"$rows" | sort -u) \
			<(subtests_failed "$guest" "$test")); then
		say "  $test fails on the base otherwise than series/guest/fixed (<) says:" "$line"
		return 1
	fi
	said=$(output "$guest" "$test")
	while IFS=$'\t' read -r _ _ line; do
		grep -qE -e "$line" <<<"$said" ||
			{ say "  $test on the base: no line '$line'"; return 1; }
	done <<<"$rows"
}
