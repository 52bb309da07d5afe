// SPDX-License-Identifier: GPL-2.0
/*
 * A program that steps itself calls vm86(), which returns when the virtual 8086 code
 * has ended, here with HLT after NOPs. There is one trap, right after the call. TF of
 * the 8086 code does not matter for that.
 */
#define _GNU_SOURCE
#include <asm/vm86.h>
#include <errno.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "step.h"

#ifndef MAP_FIXED_NOREPLACE
# define MAP_FIXED_NOREPLACE	0x100000
#endif

#define V86_CODE	0x10000
#define V86_SIZE	0x1000

STEP_CODE(call_vm86,
	  STEP_AT "mov $" STEP_STR(__NR_vm86) ",%eax\n"
	  STEP_AT STEP_SYSCALL
	  STEP_AT "nop\n"
	  STEP_AT "nop\n"
	  STEP_AT "nop\n");

static void run(struct __test_metadata *_metadata, unsigned long flags, long result)
{
	struct vm86plus_struct vm86 = {
		.regs.cs = V86_CODE >> 4,
		.regs.ss = V86_CODE >> 4,
		.regs.esp = V86_SIZE,
		.regs.eflags = flags,
	};
	void *code;
	long ret;

	code = mmap((void *)V86_CODE, V86_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	ASSERT_EQ((long)code, V86_CODE);
	memcpy(code, "\x90\x90\x90\xf4", 4);

	ASSERT_EQ(step_install(0), 0);
	ret = step_run(call_vm86, VM86_ENTER, &vm86, 0);
	if (ret == -ENOSYS || ret == -EPERM)
		SKIP(return, "no vm86() in this kernel, or not allowed");
	EXPECT_EQ(ret, result);
	step_tag = _metadata->name;
	EXPECT_TRUE(step_check(call_vm86_want));
}

TEST(v86_runs)
{
	run(_metadata, 0, VM86_UNKNOWN);
}

/* The call ends with the first trap of the 8086 code, which is not a SIGTRAP */
TEST(v86_steps)
{
	run(_metadata, STEP_TF, VM86_TRAP | 1 << 8);
}

TEST_HARNESS_MAIN
