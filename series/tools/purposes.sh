# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What executed instructions are for, by the functions and the source line that each comes
# from: series/guest/purposes. Source it after lib.sh.

PURPOSES=${PURPOSES:-$SERIES/guest/purposes}
# Objects whose instructions are looked up in the source. Elsewhere the symbol decides.
LINED=(arch/x86/entry kernel/entry)

# code OBJECT: its instructions, with relocations. Symbols near an address may be others,
# as constants get labels in the order of their use.
code() { objdump -drw "$1" | sed '/file format/d; s/<[^>]*>//'; }

# add_lines OBJECTDIR OBJECT OUTPUT: compile OBJECT again, with line numbers. The kernel is
# built without them.
add_lines()
{
	local command
	mkdir -p "$(dirname "$3")"
	# No list of dependencies, and no objtool, which would edit the kernel's own object
	command=$(sed -n 's/^savedcmd_[^ ]* := //p' "$1/$(dirname "$2")/.$(basename "$2").cmd" |
		sed "s| -Wp,-MMD,[^ ]*||; s| ; .*||; s| -c -o $2 | -g -c -o $3 |")
	(cd "$1" && bash -c "$command") ||
		fail "$(shown "$1")/$2 did not compile with line numbers" "see above" \
		     "build the kernel again"
	cmp -s <(code "$1/$2") <(code "$3") ||
		fail "$(shown "$1")/$2 has other code with line numbers than without" \
		     "its source or the compiler has changed since it was built" "build the kernel again"
}

# read_objects OBJECTDIR: sets PLACE[SYMBOL] to its object, section and offset there
read_objects()
{
	local list object section value name
	declare -gA PLACE=()
	list=$(cd "$1" && for dir in "${LINED[@]}"; do objdump -t "$dir"/*.o; done | awk -F '\t' '
		/file format/ { object = $1; sub(/:.*/, "", object) }
		NF == 2 {
			n = split($1, left, " ")
			m = split($2, right, " ")
			if (left[n] ~ /\.text/ && left[n] != right[m])
				print object, left[n], left[1], right[m]
		}')
	while read -r object section value name; do
		[ -z "${PLACE[$name]:-}" ] ||
			fail "$name is in ${PLACE[$name]%% *} and in $object" "no symbol says which one was executed" \
			     "take one of their directories out of LINED in series/tools/purposes.sh"
		PLACE[$name]="$object $section $value"
	done <<<"$list"
}

# frames SYMBOL+OFFSET: the function that the instruction is in, a tab, and the text of the
# line; then the same of the functions that this one is inlined into. At last the symbol.
# OBJECTDIR and LINES, where objects with line numbers are, come from the caller.
frames()
{
	local symbol=${1%+*} object section value
	if [ -n "${PLACE[$symbol]:-}" ]; then
		read -r object section value <<<"${PLACE[$symbol]}"
		[ -e "$LINES/$object" ] || add_lines "$OBJECTDIR" "$object" "$LINES/$object" >&2
		addr2line -fi -e "$LINES/$object" -j "$section" "$(printf '%x' $((0x$value + ${1#*+})))" |
			paste - - | awk -F '\t' '
				$2 !~ /:[0-9]+/ { next }
				{
					text = ""
					split($2, at, /[: ]/)
					for (i = 0; i < at[2] && (getline text <at[1]) > 0; i++)
						;
					close(at[1])
					gsub(/[ \t]+/, " ", text)
					sub(/^ /, "", text)
					print $1 "\t" text
				}'
	fi
	printf '%s\t\n' "${symbol%%.*}"
}

# by_purpose OBJECTDIR LINES: for each row "address symbol instruction accesses", with tabs, of
# the standard input: its purpose, the row, and where the instruction comes from
by_purpose()
{
	local OBJECTDIR=$1 LINES=$2 row symbol
	read_objects "$OBJECTDIR"
	while IFS= read -r row; do
		IFS=$'\t' read -r _ symbol _ <<<"$row"
		printf 'row\t%s\n' "$row"
		frames "$symbol"
	done | awk -F '\t' -v OFS='\t' '
		/^#/ && FNR == NR { next }
		FNR == NR { purpose[++n] = $1; name[n] = "^(" $2 ")$"; what[n] = $3; next }
		# The innermost function with a row that fits decides, and is what is shown
		function decide(   f, r) {
			for (f = 1; f <= depth; f++)
				for (r = 1; r <= n; r++)
					if (function_[f] ~ name[r] && (insn " # " text[f]) ~ what[r])
						return purpose[r] OFS row OFS function_[f] ": " text[f]
			return "other" OFS row OFS function_[1] ": " text[1]
		}
		function flush() { if (row != "") print decide() }
		$1 == "row" {
			flush()
			row = substr($0, 5)
			insn = $4
			depth = 0
			next
		}
		{ function_[++depth] = $1; text[depth] = $2 }
		END { flush() }' "$PURPOSES" -
}
