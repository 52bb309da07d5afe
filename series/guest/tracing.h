/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's tracefs */
#ifndef GUEST_TRACING_H
#define GUEST_TRACING_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRACING	"/sys/kernel/tracing/"

static inline int tracing_write(const char *file, const char *text)
{
	char path[128];
	int fd, bad;

	snprintf(path, sizeof(path), TRACING "%s", file);
	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0)
		return -1;
	bad = write(fd, text, strlen(text)) < 0;
	close(fd);
	return -bad;
}

#endif
