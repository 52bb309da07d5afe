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
