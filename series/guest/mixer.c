// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random work for the entry code, whose every result is known beforehand: system
 * calls by each way into the kernel, many of them stepped over by the program
 * itself, among signals, tracers, filters, faults, new processes and migration.
 *
 * usage: mixer [-n] SEED ROUNDS ACTIONS
 *	-n	no single steps by the program itself, and nothing that is missing here
 *
 * Some processes of some threads each, all of them workers, do ACTIONS actions a
 * round. What a worker does depends on the seed and on its number only; the seed of
 * each further round is one more.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <sys/auxv.h>
#include <sys/sysinfo.h>

#include "mixer-trace.h"

static const struct action {
	const char *name;
	void (*act)(void);
	int weight;
} actions[] = {
	{ "identities", identities, 8 },
	{ "no such call", no_such_call, 4 },
	{ "arguments", arguments, 5 },
	{ "send signals", send_signals, 12 },
	{ "suspend", suspend, 4 },
	{ "restart", restart, 4 },
	{ "migrate", migrate, 4 },
	{ "child exits", child_exits, 3 },
	{ "child in our memory", child_in_our_memory, 2 },
	{ "other thread", other_thread, 2 },
	{ "child executes", child_executes, 1 },
	{ "stop and continue", stop_and_continue, 1 },
	{ "page fault", page_fault, 4 },
	{ "filtered", filtered, 2 },
	{ "dispatched", dispatched, 4 },
	{ "other rseq", other_rseq, 3 },
	{ "emulated", emulated, 4 },
	{ "traced calls", traced_calls, 2 },
	{ "traced steps", traced_steps, 2 },
	{ "traced emulation", traced_emulation, 2 },
	{ "traced filter", traced_filter, 2 },
	{ "seized", seized, 2 },
};

#define N_ACTIONS	((int)(sizeof(actions) / sizeof(actions[0])))

/*** Workers ***/

/* No way on until all workers are here, n times */
static void meet(int n)
{
	__atomic_fetch_add(&shared->done, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&shared->done, __ATOMIC_SEQ_CST) < n * WORKERS) {
		if (__atomic_load_n(&shared->failed, __ATOMIC_SEQ_CST)) {
			wait_until_told();
			_exit(98);
		}
		pause_a_moment();
	}
}

static void one_action(void)
{
	int i, weight, sum = 0;

	for (i = 0; i < N_ACTIONS; i++)
		sum += actions[i].weight;
	weight = below(sum);
	for (i = 0; weight >= actions[i].weight; i++)
		weight -= actions[i].weight;
	me->doing = actions[i].name;
	actions[i].act();
}

static int n_actions;

static void *work(void *number)
{
	struct arena *arena = mmap(NULL, sizeof(*arena), PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | (IS_64 ? MAP_32BIT : 0), -1, 0);
	struct worker worker = { .number = (long)number, .arena = arena, .pid = getpid(),
				 .tid = gettid(), .ppid = getppid(), .doing = "start" };
	stack_t stack = { .ss_sp = arena->stack, .ss_size = sizeof(arena->stack) };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID };
	int i;

	me = &worker;
	me->random = mix(seed * 1000 + me->number);
	me->file = memfd_create("file", 0);
	if (arena == MAP_FAILED || me->file < 0 || pipe(me->pipe) || sigaltstack(&stack, NULL))
		fail("no memory, file, pipe or stack: %d", errno);
	event._sigev_un._tid = me->tid;
	for (i = 0; i < SIGNALS; i++) {
		event.sigev_signo = SIGRTMIN + i;
		expect("timer_create()", 0, timer_create(CLOCK_MONOTONIC, &event, &me->timer[i]));
	}
	shared->worker[me->number].pid = me->pid;
	shared->worker[me->number].tid = me->tid;
	meet(1);
	for (me->action = 0; me->action < n_actions; me->action++)
		one_action();
	me->doing = "end";
	/* What was sent is delivered before this worker does anything else */
	meet(2);
	any(GETPID);
	for (i = 0; i < SIGNALS; i++)
		expect("signals", shared->worker[me->number].sent[i],
		       shared->worker[me->number].got[i]);
	meet(3);
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
	return NULL;
}

static void process(long number)
{
	pthread_t threads[THREADS];
	int i;

	for (i = 1; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, (void *)(number * THREADS + i));
	work((void *)(number * THREADS));
	for (i = 1; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

/*** What is turned on and off meanwhile ***/

#ifdef __x86_64__
static long offset_in_file(const char *address)
{
	const Elf64_Phdr *head = (void *)getauxval(AT_PHDR);
	int i, n = getauxval(AT_PHNUM);

	for (i = 0; i < n; i++) {
		if (head[i].p_type == PT_LOAD && (word)address - head[i].p_vaddr < head[i].p_filesz)
			return (word)address - head[i].p_vaddr + head[i].p_offset;
	}
	return -1;
}

/* Uprobes on a NOP, which the kernel emulates, and on what it has to execute elsewhere */
static void make_probes(void)
{
	char text[4 * PATH_MAX] = "";
	int i, n = 0;

	for (i = 0; i < 2; i++) {
		n += snprintf(text + n, sizeof(text) - n,
			      "p:mixer/after%d %s:%#lx\np:mixer/end%d %s:%#lx\n",
			      i, self, offset_in_file(entries[i].after),
			      i, self, offset_in_file(entries[i].end));
	}
	if (tracing_write("uprobe_events", text) && !plain) {
		puts("FAIL no uprobes");
		exit(1);
	}
}

static bool is_on[3];

static void switch_it(int what)
{
	int bad;

	is_on[what] = !is_on[what];
	if (what == 0)
		bad = tracing_write("events/raw_syscalls/enable", is_on[what] ? "1" : "0");
	else if (what == 1)
		bad = tracing_write("events/mixer/enable", is_on[what] ? "1" : "0");
	else
		bad = audit_enable(is_on[what]);
	if (!bad)
		count(N_SWITCHED);
	else if (!plain)
		fail("tracepoints, uprobes or audit (%d) cannot be switched", what);
}

static void switch_something(void) { switch_it(below(3)); }

static void switch_all_off(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		if (is_on[i])
			switch_it(i);
	}
}
#else
static void make_probes(void) { }
static void switch_something(void) { }
static void switch_all_off(void) { }
#endif

/*** Rounds ***/

static bool one_round(void)
{
	struct worker switcher = { .number = WORKERS, .doing = "switch" };
	bool good = true;
	int i, status;
	pid_t pid;

	me = &switcher;
	me->random = mix(seed);
	shared->done = 0;
	memset(shared->worker, 0, sizeof(shared->worker));
	for (i = 0; i < PROCESSES; i++) {
		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			process(i);
		}
	}
	for (i = 0; i < PROCESSES; ) {
		pid = waitpid(-1, &status, WNOHANG);
		if (!pid) {
			pause_a_moment();
			switch_something();
			continue;
		}
		i++;
		/* Without a word, if the kernel has killed it */
		if (status && !__atomic_exchange_n(&shared->failed, 1, __ATOMIC_SEQ_CST))
			printf("FAIL %d-bit, seed %lu: a process ended with status %#x\n", BITS,
			       seed, status);
		good &= !status;
	}
	switch_all_off();
	return good;
}

static void probe(void)
{
	struct worker worker = { .doing = "start" };

	me = &worker;
	worker.arena = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
#ifdef __x86_64__
	struct use use;

	prepare_call(&use, 0, GETPID, (word[6]){ 0 });
	enter(&use);
	/* There SYSCALL keeps them */
	fred = use.out[CX] == use.in[CX];
	if (plain && call(2, GETPID) == -ENOSYS)
		n_entries = 2;
#else
	static const char int80[] = "\xcd\x80\xc3", sysenter[] = "\x51\x52\x55\x89\xe5\x0f\x34";

	mixer_vdso = getauxval(AT_SYSINFO);
	if (!mixer_vdso)
		fail("no vDSO");
	/* Of CPUs that can run 64-bit kernels, all others have a faster way */
	fred = !memcmp((void *)mixer_vdso, int80, 3);
	mixer_sysenter = mixer_vdso + 3;
	if (fred && !memcmp((void *)mixer_sysenter, sysenter, 7))
		n_entries = 3;
#endif
	munmap(worker.arena, 4096);
}

int main(int argc, char **argv)
{
	int i, rounds, round = 0;
	struct timespec begin, end;
	bool good = true;

	if (argc == 3 && !strcmp(argv[1], "exit"))
		return atoi(argv[2]);
	plain = argc == 5 && !strcmp(argv[1], "-n");
	if (argc != 4 + plain) {
		fprintf(stderr, "usage: mixer [-n] SEED ROUNDS ACTIONS\n");
		return 2;
	}
	argv += plain;
	seed = strtoul(argv[1], NULL, 0);
	cpus = get_nprocs() < 2 ? 1 : 2;
	rounds = atoi(argv[2]);
	n_actions = atoi(argv[3]);
	/*
	 * The child of a worker that has failed is init's, and if it ends while another
	 * process of the group is stopped, all of the group are hung up: but not if this
	 * is not init's session.
	 */
	setsid();
	setvbuf(stdout, NULL, _IOLBF, 0);
	i = readlink("/proc/self/exe", self, sizeof(self) - 1);
	strcpy(twin, self);
	if (i > 2)
		memcpy(twin + i - 2, IS_64 ? "32" : "64", 2);
	if (access(twin, X_OK))
		strcpy(twin, self);
	shared = share(sizeof(*shared));
	install();
	probe();
	make_probes();
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (round = 0; good && round < rounds; round++) {
		good = one_round();
		seed += good;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%s %d-bit:", good ? "ok" : "not ok", BITS);
	for (i = 0; i < NUMBERS; i++)
		printf(" %ld %s,", shared->numbers[i], number_names[i]);
	printf(" %ld seconds; calls by", (long)(end.tv_sec - begin.tv_sec));
	for (i = 0; i < n_entries; i++)
		printf(" %s %ld", entries[i].name, shared->by_entry[i]);
	puts("");
	if (!good)
		printf("again: SEED=%lu\n", seed);
	return !good;
}
