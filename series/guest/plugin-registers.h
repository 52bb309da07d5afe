/* SPDX-License-Identifier: GPL-2.0-only */
/* The CPU's registers, for plugins that change them, of a machine with one CPU */
#ifndef PLUGIN_REGISTERS_H
#define PLUGIN_REGISTERS_H

#include <stdio.h>
#include <stdlib.h>

#include "plugin.h"

/* What registers and memory are read into and written from; allocated by the plugin */
static struct byte_array *buffer;

static struct qemu_plugin_register *find_register(const char *name)
{
	static struct {
		const char *name;
		struct qemu_plugin_register *handle;
	} known[32];
	struct register_descriptor *descriptor;
	struct array *all;
	unsigned int i, j;

	for (i = 0; i < sizeof(known) / sizeof(known[0]) && known[i].name; i++) {
		if (!strcmp(known[i].name, name))
			return known[i].handle;
	}
	all = qemu_plugin_get_registers();
	descriptor = (struct register_descriptor *)all->data;
	for (j = 0; j < all->len && i < sizeof(known) / sizeof(known[0]); j++) {
		if (descriptor[j].name && !strcmp(descriptor[j].name, name)) {
			known[i].name = name;
			return known[i].handle = descriptor[j].handle;
		}
	}
	fprintf(stderr, "plugin: no register %s\n", name);
	exit(1);
}

static uint64_t get(const char *name)
{
	uint64_t value = 0;

	g_byte_array_set_size(buffer, 0);
	qemu_plugin_read_register(find_register(name), buffer);
	memcpy(&value, buffer->data, buffer->len < 8 ? buffer->len : 8);
	return value;
}

static void set(const char *name, uint64_t value)
{
	g_byte_array_set_size(buffer, 8);
	memcpy(buffer->data, &value, 8);
	qemu_plugin_write_register(find_register(name), buffer);
}

/* In the order of their numbers in instructions */
static const char *const gprs[] = {
	"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
};

#endif /* PLUGIN_REGISTERS_H */
