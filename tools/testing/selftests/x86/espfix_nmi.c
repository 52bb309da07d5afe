// SPDX-License-Identifier: GPL-2.0
/*
 * IRET to a 16-bit stack segment does not restore the upper half of ESP; the kernel's
 * remains. So before such an IRET, a 32-bit kernel switches to a special segment, an
 * alias of its current stack. An NMI in between must find free space on that stack,
 * and must not overwrite the user's registers that IRET is going to load.
 *
 * A hardware counter sends the NMIs. If there is none, they can be sent from outside,
 * for example by "nmi" in QEMU's monitor.
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
 * that have changed in any register: 0 if none has.
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

/* One per this many cycles of the program. Returns false if there is no counter. */
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

/* All NMIs of all CPUs so far */
static unsigned long count_nmis(void)
{
	FILE *f = fopen("/proc/interrupts", "r");
	unsigned long sum = 0, n;
	char name[16];

	while (f && fscanf(f, "%15s", name) == 1) {
		while (!strcmp(name, "NMI:") && fscanf(f, "%lu", &n) == 1)
			sum += n;
	}
	if (f)
		fclose(f);
	return sum;
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

/* Turns are short, except in virtual machines that emulate IRET or CR3 accesses */
TEST_F_TIMEOUT(espfix, registers, 150)
{
	struct user_desc desc = {
		.limit = STACK_SIZE - 1,
	};
	const long end = now() + SECONDS;
	int i, changed = 0;
	struct utsname uts;
	unsigned long nmis;
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

	nmis = count_nmis();
	/* This many turns, or as many as there is time for */
	for (i = 0; i < TURNS && !changed && (i % 1000 || now() < end); i++)
		changed = turn();
	EXPECT_EQ(changed, 0);
	if (!changed && count_nmis() == nmis)
		SKIP(return, "no NMI has come");
}

TEST_HARNESS_MAIN
