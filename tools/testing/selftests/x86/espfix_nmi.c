// SPDX-License-Identifier: GPL-2.0
/*
 * IRET to a 16-bit stack segment leaves the upper half of ESP to the kernel's. So a
 * 32-bit kernel goes there by a segment of its own, an alias of the stack that it has
 * just used. An NMI in between has to find room on it, and not where the user's
 * registers still wait for IRET.
 *
 * NMIs are those of a hardware counter. Where there is none, others may send some:
 * "nmi" to QEMU's monitor.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#define TURNS		4000000
#define SECONDS		60
#define STACK_SIZE	0x10000

/*
 * Makes four system calls with a 16-bit stack, entry 0 of the LDT. Returns all bits
 * in which a register differs from what it was: 0 if none does.
 */
typedef int turn_fn(void);
turn_fn turn;

asm(".pushsection .text\n"
	"turn:\n"
	"push %ebx\n"
	"push %esi\n"
	"push %edi\n"
	"push %ebp\n"
	"push %ss\n"
	"mov %esp,%ebp\n"
	"mov $7,%eax\n"
	"mov %eax,%ss\n"
	"mov $0x8000,%esp\n"
	"mov $0x11111111,%ebx\n"
	"mov $0x22222222,%ecx\n"
	"mov $0x33333333,%edx\n"
	"mov $0x44444444,%esi\n"
	"mov $0x55555555,%edi\n"
	".rept 4\n"
	"mov $64,%eax\n"		/* getppid() */
	"int $0x80\n"
	".endr\n"
	"movzwl %sp,%eax\n"
	"mov %ds:(%ebp),%ss\n"
	"mov %ebp,%esp\n"
	"xor $0x8000,%eax\n"
	"xor $0x11111111,%ebx\n"
	"or %ebx,%eax\n"
	"xor $0x22222222,%ecx\n"
	"or %ecx,%eax\n"
	"xor $0x33333333,%edx\n"
	"or %edx,%eax\n"
	"xor $0x44444444,%esi\n"
	"or %esi,%eax\n"
	"xor $0x55555555,%edi\n"
	"or %edi,%eax\n"
	"pop %ecx\n"
	"pop %ebp\n"
	"pop %edi\n"
	"pop %esi\n"
	"pop %ebx\n"
	"ret\n"
	".popsection\n");

/* Each so many cycles of this program. Returns whether there is such a counter. */
static bool start_nmis(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.sample_period = 20011,
	};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC) >= 0;
}

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

FIXTURE(espfix) {
};

FIXTURE_SETUP(espfix)
{
}

FIXTURE_TEARDOWN(espfix)
{
}

/* Turns are short, but for virtual machines in which IRET or CR3 are not the CPU's */
TEST_F_TIMEOUT(espfix, registers, 150)
{
	struct user_desc desc = {
		.limit = STACK_SIZE - 1,
	};
	const long end = now() + SECONDS;
	int i, changed = 0;
	struct utsname uts;
	void *stack;

	ASSERT_EQ(uname(&uts), 0);
	if (!strcmp(uts.machine, "x86_64"))
		SKIP(return, "a 64-bit kernel has a stack of its own for that");
	stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(stack != MAP_FAILED);
	desc.base_addr = (unsigned long)stack;
	if (syscall(SYS_modify_ldt, 1, &desc, sizeof(desc)))
		SKIP(return, "no 16-bit segments in this kernel");
	if (!start_nmis())
		TH_LOG("no counter that sends NMIs: here are only those of others");

	/* So many, or as many as there is time for */
	for (i = 0; i < TURNS && !changed && (i % 1000 || now() < end); i++)
		changed = turn();
	EXPECT_EQ(changed, 0);
}

TEST_HARNESS_MAIN
