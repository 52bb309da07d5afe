// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes adds code to a program, and this code makes the system calls uprobe() and
 * uretprobe(). User dispatch must let these pass, because the program has not made them.
 * If the program itself makes a call with the same number, the call is dispatched.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "uprobe.h"

#ifndef __NR_uretprobe
# define __NR_uretprobe		335
#endif
#ifndef __NR_uprobe
# define __NR_uprobe		336
#endif
#ifndef PR_SET_SYSCALL_USER_DISPATCH
# define PR_SET_SYSCALL_USER_DISPATCH	59
# define PR_SYS_DISPATCH_ON		1
#endif
#define SELECTOR_ALLOW		0
#define SELECTOR_BLOCK		1

#define INT3		0xcc
#define ANSWER		4711	/* result of a dispatched call */

static char selector;		/* read by the kernel */
static int dispatched;		/* the number of the last dispatched call */

static void select_calls(char value)
{
	__atomic_store_n(&selector, value, __ATOMIC_SEQ_CST);
}

static __attribute__((naked, noipa)) unsigned long plain(unsigned long x)
{
	asm volatile("lea 1(%rdi),%rax\n\t"
		     "ret");
}

/* It begins with a NOP of ten bytes, so the kernel turns the probe into a call */
static __attribute__((naked, noipa)) unsigned long with_nop(unsigned long x)
{
	asm volatile(".byte 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0\n\t"
		     "lea 1(%rdi),%rax\n\t"
		     "ret");
}

static void on_sigsys(int sig, siginfo_t *info, void *ctx)
{
	ucontext_t *uc = ctx;

	select_calls(SELECTOR_ALLOW);
	dispatched = info->si_syscall;
	uc->uc_mcontext.gregs[REG_RAX] = ANSWER;
}

static bool dispatch_on(void)
{
	struct sigaction sa = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };

	return !sigaction(SIGSYS, &sa, NULL) &&
	       !prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &selector);
}

static long own_call(long nr)
{
	long ret;

	asm volatile("syscall" : "=a" (ret) : "a" (nr) : "rcx", "r11", "memory");
	return ret;
}

FIXTURE(dispatch) {
	int fd;
};

FIXTURE_VARIANT(dispatch) {
	unsigned long (*probed)(unsigned long x);
	__u64 config;
	long nr;
};

FIXTURE_VARIANT_ADD(dispatch, uprobe) { with_nop, 0, __NR_uprobe };
FIXTURE_VARIANT_ADD(dispatch, uretprobe) { plain, UPROBE_RETURN, __NR_uretprobe };

FIXTURE_SETUP(dispatch)
{
	self->fd = uprobe_open(0, (unsigned long)variant->probed, variant->config);
	if (self->fd < 0)
		SKIP(return, "no uprobes by perf_event_open()");
	dispatched = 0;
}

FIXTURE_TEARDOWN(dispatch)
{
	select_calls(SELECTOR_ALLOW);
	if (self->fd >= 0)
		close(self->fd);
}

TEST_F(dispatch, of_uprobes_passes)
{
	unsigned long result;
	__u64 before;
	int i;

	/* The first hit is an INT3, then the kernel changes the code */
	for (i = 0; i < 3; i++)
		ASSERT_EQ(variant->probed(1), 2);
	if (!variant->config &&
	    __atomic_load_n((unsigned char *)variant->probed, __ATOMIC_SEQ_CST) == INT3)
		SKIP(return, "this uprobe works without a system call");
	before = uprobe_hits(self->fd);
	ASSERT_EQ(before, 3);

	ASSERT_TRUE(dispatch_on());
	select_calls(SELECTOR_BLOCK);
	result = variant->probed(2);
	select_calls(SELECTOR_ALLOW);
	EXPECT_EQ(result, 3);
	EXPECT_EQ(dispatched, 0);
	EXPECT_EQ(uprobe_hits(self->fd), before + 1);
}

/* The same number, but from the program's code */
TEST_F(dispatch, of_the_program_does_not)
{
	long result;

	ASSERT_EQ(variant->probed(1), 2);
	ASSERT_TRUE(dispatch_on());
	select_calls(SELECTOR_BLOCK);
	result = own_call(variant->nr);
	select_calls(SELECTOR_ALLOW);
	EXPECT_EQ(result, ANSWER);
	EXPECT_EQ(dispatched, variant->nr);
}

TEST_HARNESS_MAIN
