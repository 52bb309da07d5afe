// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of what the C entry points of the system call instructions decide by the number
 * and the registers alone: whether the call exists, and whether SYSRET or SYSEXIT can
 * return to the program. Whether a return with wrong registers has a visible effect
 * depends on the CPU, so a selftest may miss it.
 */

#include <kunit/test.h>

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/limits.h>

#include <asm/vsyscall.h>

#include "syscall.h"

#define CALLS		3
#define RESULT		4711
#define USER_IP		0x1234UL

/*
 * Dispatch
 */

static unsigned int calls_made, last_nr;

static __noendbr long fake_call(const struct pt_regs *regs, unsigned int nr)
{
	calls_made++;
	last_nr = nr;
	return RESULT + nr;
}

static void call_inside(struct kunit *test)
{
	unsigned long nr;

	for (nr = 0; nr < CALLS; nr++) {
		struct pt_regs regs = { .ax = -ENOSYS };

		calls_made = 0;
		KUNIT_EXPECT_TRUE(test, dispatch(&regs, nr, CALLS, fake_call));
		KUNIT_EXPECT_EQ(test, calls_made, 1);
		KUNIT_EXPECT_EQ(test, last_nr, nr);
		KUNIT_EXPECT_EQ(test, regs.ax, RESULT + nr);
	}
}

/* Nothing is called, and the result stays: -ENOSYS, or what a tracer has set */
static void call_outside(struct kunit *test)
{
	static const unsigned long numbers[] = {
		CALLS, CALLS + 1, INT_MAX, -1UL, (unsigned int)-1, BIT(30) + 1,
	};
	unsigned int i;

	calls_made = 0;
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		struct pt_regs regs = { .ax = RESULT };

		KUNIT_EXPECT_FALSE(test, dispatch(&regs, numbers[i], CALLS, fake_call));
		KUNIT_EXPECT_EQ(test, regs.ax, RESULT);
	}
	KUNIT_EXPECT_EQ(test, calls_made, 0);
}

/*
 * Fast returns
 */

#define USER_FLAGS	(X86_EFLAGS_FIXED | X86_EFLAGS_IF | X86_EFLAGS_PF | X86_EFLAGS_ZF)

/* RF and VM would get lost, TF would trap before user code runs */
static const unsigned long slow_flags[] = { X86_EFLAGS_RF, X86_EFLAGS_TF, X86_EFLAGS_VM };

/* Flags that do not prevent a fast return */
static const unsigned long other_flags[] = {
	X86_EFLAGS_CF, X86_EFLAGS_SF, X86_EFLAGS_DF, X86_EFLAGS_OF, X86_EFLAGS_NT,
	X86_EFLAGS_AC, X86_EFLAGS_ID,
};

static int fast_init(struct kunit *test)
{
	if (cpu_feature_enabled(X86_FEATURE_FRED) || cpu_feature_enabled(X86_FEATURE_XENPV))
		kunit_skip(test, "this kernel never returns by them here");
	return 0;
}

static struct pt_regs fast_regs(unsigned long cs)
{
	return (struct pt_regs) {
		.ip	= USER_IP,
		.cs	= cs,
		.ss	= __USER_DS,
		.flags	= USER_FLAGS,
	};
}

static void fast_exit(struct kunit *test)
{
	const unsigned long cs = IS_ENABLED(CONFIG_X86_64) ? __USER32_CS : __USER_CS;
	struct pt_regs regs = fast_regs(cs);
	unsigned int i;

	KUNIT_EXPECT_TRUE(test, fast_exit_restores(&regs, USER_IP, cs));
	KUNIT_EXPECT_FALSE(test, fast_exit_restores(&regs, USER_IP + 1, cs));
	KUNIT_EXPECT_FALSE(test, fast_exit_restores(&regs, USER_IP, cs + 8));

	regs.ss = __USER_DS + 8;
	KUNIT_EXPECT_FALSE(test, fast_exit_restores(&regs, USER_IP, cs));
	regs.ss = __USER_DS;

	for (i = 0; i < ARRAY_SIZE(slow_flags); i++) {
		regs.flags = USER_FLAGS | slow_flags[i];
		KUNIT_EXPECT_FALSE(test, fast_exit_restores(&regs, USER_IP, cs));
	}
	for (i = 0; i < ARRAY_SIZE(other_flags); i++) {
		regs.flags = USER_FLAGS | other_flags[i];
		KUNIT_EXPECT_TRUE(test, fast_exit_restores(&regs, USER_IP, cs));
	}
}

#ifdef CONFIG_X86_64
/* The registers as SYSCALL leaves them, not changed since */
static struct pt_regs syscall_regs(unsigned long ip, unsigned long flags)
{
	struct pt_regs regs = fast_regs(__USER_CS);

	regs.ip = ip;
	regs.cx = ip;
	regs.flags = flags;
	regs.r11 = flags;
	return regs;
}

static void sysret_ip(struct kunit *test)
{
	/* The first one is where a SYSCALL at the end of user space would return to */
	const unsigned long high[] = {
		BIT(47), BIT(47) + PAGE_SIZE, BIT(48), BIT(56), BIT(63), VSYSCALL_ADDR, -1UL,
	};
	struct pt_regs regs = syscall_regs(BIT(47) - 1, USER_FLAGS);
	unsigned int i;

	KUNIT_EXPECT_TRUE(test, sysret_restores(&regs));

	/* Even if RCX and R11 agree with RIP and EFLAGS */
	for (i = 0; i < ARRAY_SIZE(high); i++) {
		regs = syscall_regs(high[i], USER_FLAGS);
		KUNIT_EXPECT_FALSE(test, sysret_restores(&regs));
	}

	regs = syscall_regs(USER_IP, USER_FLAGS);
	KUNIT_EXPECT_TRUE(test, sysret_restores(&regs));
	regs.ip++;
	KUNIT_EXPECT_FALSE(test, sysret_restores(&regs));
	regs.ip--;
	regs.cx++;
	KUNIT_EXPECT_FALSE(test, sysret_restores(&regs));
}

static void sysret_flags(struct kunit *test)
{
	struct pt_regs regs;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(other_flags); i++) {
		regs = syscall_regs(USER_IP, USER_FLAGS | other_flags[i]);
		KUNIT_EXPECT_TRUE(test, sysret_restores(&regs));
		/* A tracer or sigreturn has changed them */
		regs.flags = USER_FLAGS;
		KUNIT_EXPECT_FALSE(test, sysret_restores(&regs));
		regs = syscall_regs(USER_IP, USER_FLAGS);
		regs.flags |= other_flags[i];
		KUNIT_EXPECT_FALSE(test, sysret_restores(&regs));
	}
	for (i = 0; i < ARRAY_SIZE(slow_flags); i++) {
		regs = syscall_regs(USER_IP, USER_FLAGS | slow_flags[i]);
		KUNIT_EXPECT_FALSE(test, sysret_restores(&regs));
	}
}

static void sysret_segments(struct kunit *test)
{
	struct pt_regs regs = syscall_regs(USER_IP, USER_FLAGS);

	regs.cs = __USER32_CS;
	KUNIT_EXPECT_FALSE(test, sysret_restores(&regs));
	regs.cs = __USER_CS;
	regs.ss = 0;
	KUNIT_EXPECT_FALSE(test, sysret_restores(&regs));
}
#endif

static struct kunit_case dispatch_cases[] = {
	KUNIT_CASE(call_inside),
	KUNIT_CASE(call_outside),
	{ }
};

static struct kunit_suite dispatch_suite = {
	.name		= "x86_syscall_dispatch",
	.test_cases	= dispatch_cases,
};

static struct kunit_case fast_cases[] = {
	KUNIT_CASE(fast_exit),
#ifdef CONFIG_X86_64
	KUNIT_CASE(sysret_ip),
	KUNIT_CASE(sysret_flags),
	KUNIT_CASE(sysret_segments),
#endif
	{ }
};

static struct kunit_suite fast_suite = {
	.name		= "x86_syscall_return",
	.init		= fast_init,
	.test_cases	= fast_cases,
};

kunit_test_suites(&dispatch_suite, &fast_suite);
