/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The struct rseq that libc has registered for this thread. A libc or a kernel without
 * rseq has none; RSEQ_SIG is only defined if libc's headers know it.
 */
#ifndef SELFTEST_X86_OWN_RSEQ_H
#define SELFTEST_X86_OWN_RSEQ_H

#include <stddef.h>

#ifdef __has_include
# if __has_include("sys/rseq.h")
#  include <sys/rseq.h>
# endif
#endif

#ifdef RSEQ_SIG
#ifdef __x86_64__
# define OWN_RSEQ_SEGMENT	"fs"
#else
# define OWN_RSEQ_SEGMENT	"gs"
#endif

static inline struct rseq *own_rseq(void)
{
	char *thread;

	if (!__rseq_size)
		return NULL;
	/* Older compilers have no builtin for this */
	asm("mov %%" OWN_RSEQ_SEGMENT ":0,%0" : "=r" (thread));
	return (struct rseq *)(thread + __rseq_offset);
}
#endif

#endif /* SELFTEST_X86_OWN_RSEQ_H */
