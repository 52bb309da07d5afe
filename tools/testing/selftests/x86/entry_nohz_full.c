// SPDX-License-Identifier: GPL-2.0
/*
 * On a nohz_full= CPU, RCU and time accounting are told about each entry from user mode
 * and each exit to it, because there is no tick. System calls, faults and signals must
 * work as on any other CPU, and user and system time must be told apart correctly.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/resource.h>

#include "kselftest_harness.h"
#include "syscall_entry.h"

#define ROUNDS		2000
#define PAGES		200
#ifndef MADV_POPULATE_WRITE
# define MADV_POPULATE_WRITE	23
#endif
/* The time that must be accounted, in us, and the work after which the test fails */
#define TIME		20000
#define WORK_ROUNDS	100000

FIXTURE(nohz_full) {
	unsigned long work;
};

/* The first nohz_full= CPU, or -1 */
static int cpu_without_tick(void)
{
	FILE *f = fopen("/sys/devices/system/cpu/nohz_full", "r");
	int cpu = -1;

	if (f) {
		if (fscanf(f, "%d", &cpu) != 1)
			cpu = -1;
		fclose(f);
	}
	return cpu;
}

/* The harness would report success if every test were skipped */
__attribute__((constructor)) static void need_cpu_without_tick(void)
{
	if (cpu_without_tick() >= 0)
		return;
	printf("1..0 # SKIP no CPU without tick: boot with nohz_full=1\n");
	exit(KSFT_SKIP);
}

FIXTURE_SETUP(nohz_full)
{
	int cpu = cpu_without_tick();
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	ASSERT_EQ(sched_setaffinity(0, sizeof(set), &set), 0);
	ASSERT_EQ(sched_getcpu(), cpu);
}

FIXTURE_TEARDOWN(nohz_full)
{
}

static long us(const struct timeval *tv)
{
	return tv->tv_sec * 1000000L + tv->tv_usec;
}

static int caught;

static void handler(int sig)
{
	caught++;
}

TEST_F(nohz_full, calls)
{
	static const long args[6];
	int i, n, tid = getpid();

	for (n = 0; n < ARRAY_SIZE(entry_ways); n++) {
		const struct entry_way *way = &entry_ways[n];

		if (!entry_works(way)) {
			TH_LOG("no %s in this kernel", way->name);
			continue;
		}
		for (i = 0; i < ROUNDS; i++) {
			ASSERT_EQ(way->call(entry_nr(way, CALL_GETTID), args), tid);
			ASSERT_EQ(way->call(entry_nr(way, CALL_NONE), args), -ENOSYS);
		}
	}
}

TEST_F(nohz_full, signals)
{
	int i;

	signal(SIGUSR1, handler);
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(raise(SIGUSR1), 0);
		ASSERT_EQ(caught, i + 1);
	}
}

TEST_F(nohz_full, faults)
{
	size_t i, page = sysconf(_SC_PAGESIZE);
	struct rusage before, after;
	char *p;

	p = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(p != MAP_FAILED);
	ASSERT_EQ(madvise(p, PAGES * page, MADV_NOHUGEPAGE) && errno != EINVAL, 0);
	ASSERT_EQ(getrusage(RUSAGE_SELF, &before), 0);
	for (i = 0; i < PAGES; i++)
		p[i * page] = i;
	ASSERT_EQ(getrusage(RUSAGE_SELF, &after), 0);
	EXPECT_GE(after.ru_minflt - before.ru_minflt, PAGES);
	for (i = 0; i < PAGES; i++)
		ASSERT_EQ(p[i * page], (char)i);
}

/* There are few calls, to read the time. Most of the time must be user time. */
TEST_F(nohz_full, user_time)
{
	struct rusage before, now;
	unsigned long i, n;

	ASSERT_EQ(getrusage(RUSAGE_SELF, &before), 0);
	now = before;
	for (n = 0; us(&now.ru_utime) - us(&before.ru_utime) < TIME; n++) {
		ASSERT_LT(n, WORK_ROUNDS);
		for (i = 0; i < 1000000; i++)
			asm volatile("" : "+r" (self->work));
		ASSERT_EQ(getrusage(RUSAGE_SELF, &now), 0);
	}
	EXPECT_GT(us(&now.ru_utime) - us(&before.ru_utime),
		  us(&now.ru_stime) - us(&before.ru_stime));
}

/* Calls that take long: the kernel does all the work, filling and freeing pages */
static void work_in_calls(struct __test_metadata *_metadata, const struct entry_way *way,
			  void *p, size_t size)
{
	const long fill[6] = { (long)p, size, MADV_POPULATE_WRITE };
	const long drop[6] = { (long)p, size, MADV_DONTNEED };
	int nr = entry_nr(way, CALL_MADVISE);
	struct rusage before, now;
	unsigned long n;

	ASSERT_EQ(getrusage(RUSAGE_SELF, &before), 0);
	now = before;
	for (n = 0; us(&now.ru_stime) - us(&before.ru_stime) < TIME; n++) {
		ASSERT_LT(n, WORK_ROUNDS);
		ASSERT_EQ(way->call(nr, fill), 0);
		ASSERT_EQ(way->call(nr, drop), 0);
		ASSERT_EQ(getrusage(RUSAGE_SELF, &now), 0);
	}
	EXPECT_GT(us(&now.ru_stime) - us(&before.ru_stime),
		  us(&now.ru_utime) - us(&before.ru_utime)) {
		TH_LOG("%s", way->name);
	}
}

/* Most of the time must be system time, however the calls are made */
TEST_F(nohz_full, system_time)
{
	size_t size = PAGES * sysconf(_SC_PAGESIZE);
	int i, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	void *p;

#ifdef __x86_64__
	/* INT $0x80 needs a 32-bit address */
	flags |= MAP_32BIT;
#endif
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	ASSERT_TRUE(p != MAP_FAILED);
	for (i = 0; i < ARRAY_SIZE(entry_ways); i++) {
		if (entry_works(&entry_ways[i]))
			work_in_calls(_metadata, &entry_ways[i], p, size);
	}
}

TEST_HARNESS_MAIN
