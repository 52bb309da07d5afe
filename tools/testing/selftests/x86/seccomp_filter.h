/* SPDX-License-Identifier: GPL-2.0 */
/* Filters of system calls, for tests that use seccomp for nothing else */
#ifndef SELFTEST_X86_SECCOMP_FILTER_H
#define SELFTEST_X86_SECCOMP_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest.h"

/* Returns what seccomp() returns */
static inline int seccomp_install(struct sock_filter *insns, unsigned short len,
				  unsigned int flags)
{
	struct sock_fprog prog = { .len = len, .filter = insns };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

/* Give this answer to calls of one number. Returns what seccomp() returns. */
static inline int seccomp_answer(int nr, unsigned int answer, unsigned int flags)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, answer),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return seccomp_install(insns, ARRAY_SIZE(insns), flags);
}

#endif /* SELFTEST_X86_SECCOMP_FILTER_H */
