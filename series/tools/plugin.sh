# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Plugins of QEMU's TCG, see series/guest/*-plugin.c. Source it after lib.sh.

PLUGINS=$BUILD/plugins

build_plugin() { compile_c "$PLUGINS/$1.so" "$SERIES/guest/$1-plugin.c" -shared -fPIC -fvisibility=hidden; }

# guest_with_plugin PLUGIN ARGUMENTS OPTION...: series/tools/guest, the addresses in its
# kernel being those of vmlinux, of which a plugin tells. There may be several at a time.
guest_with_plugin()
{
	local qemu
	qemu=$PLUGINS/$1-qemu-$(cksum <<<"$2" | cut -d ' ' -f 1)
	printf '#!/bin/bash\nexec %q -plugin %q "$@"\n' "${QEMU:-qemu-system-x86_64}" \
		"file=$PLUGINS/$1.so,$2" >"$qemu"
	chmod +x "$qemu"
	QEMU=$qemu ACCEL=tcg "$SERIES/tools/guest" "${@:3}"
}

# address SYSTEM.MAP SYMBOL
address()
{
	awk -v name="$2" '$3 == name { print $1; found = 1 } END { exit !found }' "$1" ||
		fail "$(shown "$1") has no $2" "it is of another kernel than the plugin knows" \
		     "see what series/guest/fred-plugin.c needs"
}

# fred_guest SYSTEM.MAP MODE OPTION...: the plugin has one CPU, and a kernel with FRED does
# not execute the code of IDT entries
fred_guest()
{
	local fred=1 switch=on own_code idt
	[ "$2" = fred ] || fred=0 switch=off
	own_code=$(address "$1" irq_entries_start)
	idt=$(address "$1" idt_table)
	guest_with_plugin fred "on=$fred,code=$own_code,idt=$idt" \
		--cpus 1 --append "nokaslr fred=$switch" "${@:3}"
}

# was_fred RESULTS: the plugin says so at the end
was_fred() { grep -q '^fred: .*ERETU: [1-9]' "$1/qemu.log"; }
