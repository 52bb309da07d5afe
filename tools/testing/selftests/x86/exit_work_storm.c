// SPDX-License-Identifier: GPL-2.0
/*
 * Exit work that keeps arriving while a program returns to user mode: signals, task
 * work, migration, rseq, uprobes. Whenever it arrives, it must be done before the program
 * goes on, once, and in order. Rounds are bounded, and counted exactly.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <sched.h>

#include "kselftest_harness.h"
#include "own_rseq.h"
#include "syscall_entry.h"

#define SIGNALS		500
#define ROUNDS		200
/* Limit for a program that waits for the end of a round, then the test fails */
#define SPINS		100000000L
#define PROBED_SPINS	1000000L	/* each causes an exception */

FIXTURE(storm) {
	const struct entry_way *way;
};

FIXTURE_VARIANT(storm) {
	int way;
};

FIXTURE_VARIANT_ADD(storm, int80) { WAY_INT80 };
#ifdef __x86_64__
FIXTURE_VARIANT_ADD(storm, syscall) { WAY_SYSCALL };
FIXTURE_VARIANT_ADD(storm, x32) { WAY_X32 };
#else
FIXTURE_VARIANT_ADD(storm, vdso) { WAY_VDSO };
#endif

FIXTURE_SETUP(storm)
{
	self->way = &entry_ways[variant->way];
	if (!entry_works(self->way))
		SKIP(return, "no %s in this kernel", self->way->name);
}

FIXTURE_TEARDOWN(storm)
{
}

static long make_call(const struct entry_way *way, enum entry_call call, long a, long b, long c)
{
	const long args[6] = { a, b, c };

	return way->call(entry_nr(way, call), args);
}

/* Install a handler for signals from another process */
static void catch(int sig, void (*handler)(int sig, siginfo_t *info, void *ctx))
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

	if (sigaction(sig, &sa, NULL))
		_exit(1);
}

/* Read what a handler or another process writes */
#define NOW(x)		__atomic_load_n(&(x), __ATOMIC_SEQ_CST)
/* Write what another process reads */
#define TELL(x, value)	__atomic_store_n(&(x), value, __ATOMIC_SEQ_CST)

static bool ended_well(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && !status;
}

/* Rounds, from 1 on: the program begins one, another process does something to it */
struct rounds {
	int begun, done;
};

/* Fork the other process, which does not outlive the program */
static pid_t fork_other(void)
{
	pid_t pid, program = getpid();

	pid = fork();
	if (!pid && (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != program))
		_exit(1);
	return pid;
}

/* Wait asleep, to leave the CPU to the program if both are on the same one */
static void other_waits(const struct entry_way *way, struct rounds *rounds, int n)
{
	while (NOW(rounds->begun) != n)
		make_call(way, CALL_FUTEX, (long)&rounds->begun, FUTEX_WAIT, n - 1);
}

static int wrong;

/*
 * One round, with calls by @way only. Hence @pid, the pid of the program, is an argument.
 * After the program sees that the other process is done, it does not make a call.
 */
static bool one_round(const struct entry_way *way, pid_t pid, struct rounds *rounds, int n)
{
	long i;

	TELL(rounds->begun, n);
	make_call(way, CALL_FUTEX, (long)&rounds->begun, FUTEX_WAKE, 1);
	for (i = 0; NOW(rounds->done) != n && i < SPINS; i++) {
		if (make_call(way, CALL_GETTID, 0, 0, 0) != pid)
			wrong++;
	}
	return NOW(rounds->done) == n;
}

/*
 * Queued signals: each is delivered once, in the order in which they were sent
 */

static int next_value;
static pid_t sender;

static void value_handler(int sig, siginfo_t *info, void *ctx)
{
	if (info->si_value.sival_int != next_value || info->si_pid != sender ||
	    info->si_code != SI_QUEUE)
		wrong++;
	next_value++;
}

static void send_values(pid_t pid)
{
	union sigval value;

	for (value.sival_int = 0; value.sival_int < SIGNALS; value.sival_int++) {
		while (sigqueue(pid, SIGRTMIN, value)) {
			if (errno != EAGAIN)
				_exit(1);
			sched_yield();
		}
	}
	_exit(0);
}

TEST_F(storm, queued_signals)
{
	pid_t pid = getpid();
	sigset_t set;
	long i;

	/* Block them until the sender is known */
	catch(SIGRTMIN, value_handler);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	ASSERT_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	sender = fork();
	ASSERT_GE(sender, 0);
	if (!sender)
		send_values(pid);
	ASSERT_EQ(sigprocmask(SIG_UNBLOCK, &set, NULL), 0);

	for (i = 0; NOW(next_value) < SIGNALS && i < SPINS; i++) {
		if (make_call(self->way, CALL_GETTID, 0, 0, 0) != pid)
			wrong++;
	}
	EXPECT_EQ(next_value, SIGNALS);
	EXPECT_EQ(wrong, 0);
	EXPECT_TRUE(ended_well(sender));
}

/*
 * Task work: a call drops the last reference to a file, and leaves it to task work to
 * close the file. When the call returns, the file must be closed.
 */
TEST_F(storm, task_work)
{
	int i, fd[2], null = open("/dev/null", O_RDONLY);
	char byte;

	ASSERT_GE(null, 0);
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(pipe2(fd, O_NONBLOCK), 0);
		ASSERT_EQ(read(fd[0], &byte, 1), -1);
		ASSERT_EQ(errno, EAGAIN);
		ASSERT_EQ(make_call(self->way, CALL_DUP2, null, fd[1], 0), fd[1]);
		/* End of file: the pipe is no longer open for writing */
		ASSERT_EQ(read(fd[0], &byte, 1), 0) {
			TH_LOG("round %d: %s", i, strerror(errno));
		}
		close(fd[0]);
		close(fd[1]);
	}
}

/*
 * Task work that arrives like a signal, but without one: io_uring's. The program does not
 * wait for the end of a poll, so the completion must come on an exit to user mode.
 */

/* The numbers are the same for each way to make the calls */
#define NR_IO_URING_SETUP	425
#define NR_IO_URING_ENTER	426

struct ring {
	int fd;
	unsigned int *sq_tail, *cq_head, *cq_tail, cq_entries;
	struct io_uring_sqe *sqe;	/* an array of one entry */
	struct io_uring_cqe *cqes;
};

static bool ring_map(struct ring *ring, int fd, const struct io_uring_params *params)
{
	size_t sq_size = params->sq_off.array + params->sq_entries * sizeof(unsigned int);
	size_t cq_size = params->cq_off.cqes + params->cq_entries * sizeof(*ring->cqes);
	size_t sqes_size = params->sq_entries * sizeof(*ring->sqe);
	int prot = PROT_READ | PROT_WRITE;
	void *sq, *cq, *sqes;

	sq = mmap(NULL, sq_size, prot, MAP_SHARED, fd, IORING_OFF_SQ_RING);
	cq = mmap(NULL, cq_size, prot, MAP_SHARED, fd, IORING_OFF_CQ_RING);
	sqes = mmap(NULL, sqes_size, prot, MAP_SHARED, fd, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || sqes == MAP_FAILED)
		return false;
	ring->fd = fd;
	ring->sq_tail = sq + params->sq_off.tail;
	ring->cq_head = cq + params->cq_off.head;
	ring->cq_tail = cq + params->cq_off.tail;
	ring->cq_entries = params->cq_entries;
	ring->sqe = sqes;
	ring->cqes = cq + params->cq_off.cqes;
	/* The only slot of the queue refers to the only entry */
	*(unsigned int *)(sq + params->sq_off.array) = 0;
	return true;
}

/* Returns how many were submitted, or an error */
static long ring_poll(struct ring *ring, const struct entry_way *way, int fd, int n)
{
	const long args[6] = { ring->fd, 1 };

	memset(ring->sqe, 0, sizeof(*ring->sqe));
	ring->sqe->opcode = IORING_OP_POLL_ADD;
	ring->sqe->fd = fd;
	ring->sqe->poll_events = POLLIN;
	ring->sqe->user_data = n;
	TELL(*ring->sq_tail, *ring->sq_tail + 1);
	return way->call(NR_IO_URING_ENTER | way->bit, args);
}

static void write_bytes(const struct entry_way *way, int fd, struct rounds *rounds)
{
	int n;

	for (n = 1; n <= ROUNDS; n++) {
		other_waits(way, rounds, n);
		if (write(fd, "", 1) != 1)
			_exit(1);
		TELL(rounds->done, n);
	}
	_exit(0);
}

TEST_F(storm, io_uring_work)
{
	struct rounds *rounds = entry_shared(sizeof(*rounds));
	struct io_uring_params params = { 0 };
	pid_t other, pid = getpid();
	struct io_uring_cqe *cqe;
	int n, ring_fd, fd[2];
	struct ring ring;
	char byte;

	ring_fd = syscall(NR_IO_URING_SETUP, 1, &params);
	if (ring_fd < 0 && (errno == ENOSYS || errno == EPERM))
		SKIP(return, "no io_uring here: %s", strerror(errno));
	ASSERT_GE(ring_fd, 0);
	ASSERT_TRUE(ring_map(&ring, ring_fd, &params));
	ASSERT_TRUE(!!rounds);
	ASSERT_EQ(pipe(fd), 0);
	other = fork_other();
	ASSERT_GE(other, 0);
	if (!other)
		write_bytes(self->way, fd[1], rounds);

	for (n = 1; n <= ROUNDS; n++) {
		ASSERT_EQ(ring_poll(&ring, self->way, fd[0], n), 1);
		ASSERT_EQ(NOW(*ring.cq_tail), n - 1);
		ASSERT_TRUE(one_round(self->way, pid, rounds, n));
		/* write() has queued the work, which this call does at the latest */
		ASSERT_EQ(make_call(self->way, CALL_GETTID, 0, 0, 0), pid);
		ASSERT_EQ(NOW(*ring.cq_tail), n);

		cqe = &ring.cqes[(n - 1) % ring.cq_entries];
		ASSERT_EQ(cqe->user_data, n);
		ASSERT_GT(cqe->res, 0);
		ASSERT_EQ(cqe->res & POLLIN, POLLIN);
		TELL(*ring.cq_head, n);
		ASSERT_EQ(read(fd[0], &byte, 1), 1);
	}
	EXPECT_TRUE(ended_well(other));
	EXPECT_EQ(make_call(self->way, CALL_GETTID, 0, 0, 0), pid);
	EXPECT_EQ(NOW(*ring.cq_tail), ROUNDS);
	EXPECT_EQ(wrong, 0);
}

/* The CPU that rseq reports, or @cpu without rseq */
static int cpu_by_rseq(int cpu)
{
#ifdef RSEQ_SIG
	struct rseq *rseq = own_rseq();

	if (rseq)
		return NOW(rseq->cpu_id);
#endif
	return cpu;
}

/* The CPU that the call reports, or its error. The call writes to @cpu. */
static long cpu_by_call(const struct entry_way *way, unsigned int *cpu)
{
	long error;

	*cpu = -1;
	error = make_call(way, CALL_GETCPU, (long)cpu, 0, 0);
	return error ? error : (int)*cpu;
}

/* Store the CPUs that the program may use in @cpu_of. Returns how many, or -1. */
static int find_cpus(int cpu_of[CPU_SETSIZE])
{
	int cpu, cpus = 0;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return -1;
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &set))
			cpu_of[cpus++] = cpu;
	}
	return cpus;
}

/*
 * Migration: when sched_setaffinity() returns, the program is on the right CPU, and rseq
 * agrees
 */
TEST_F(storm, migration)
{
	unsigned int *now = entry_shared(sizeof(*now));
	cpu_set_t *set = entry_shared(sizeof(*set));
	int i, cpu, cpus, cpu_of[CPU_SETSIZE];

	ASSERT_TRUE(set && now);
	cpus = find_cpus(cpu_of);
	ASSERT_GT(cpus, 0);
	if (cpus < 2)
		SKIP(return, "one CPU only");

	for (i = 0; i < ROUNDS; i++) {
		cpu = cpu_of[i % cpus];
		CPU_ZERO(set);
		CPU_SET(cpu, set);
		ASSERT_EQ(make_call(self->way, CALL_SETAFFINITY, 0, sizeof(*set), (long)set), 0);
		ASSERT_EQ(cpu_by_rseq(cpu), cpu);
		ASSERT_EQ(cpu_by_call(self->way, now), cpu);
	}
}

/*
 * The same if another process moves the program, at any point of its calls
 */

static void move(const struct entry_way *way, pid_t pid, struct rounds *rounds,
		 const int *cpu_of, int cpus)
{
	cpu_set_t set;
	int n;

	for (n = 1; n <= ROUNDS; n++) {
		CPU_ZERO(&set);
		CPU_SET(cpu_of[n % cpus], &set);
		other_waits(way, rounds, n);
		if (sched_setaffinity(pid, sizeof(set), &set))
			_exit(1);
		TELL(rounds->done, n);
	}
	_exit(0);
}

TEST_F(storm, migrated_by_another)
{
	struct rounds *rounds = entry_shared(sizeof(*rounds));
	unsigned int *now = entry_shared(sizeof(*now));
	int n, cpu, cpus, cpu_of[CPU_SETSIZE];
	pid_t other, pid = getpid();

	ASSERT_TRUE(rounds && now);
	cpus = find_cpus(cpu_of);
	ASSERT_GT(cpus, 0);
	if (cpus < 2)
		SKIP(return, "one CPU only");
	other = fork_other();
	ASSERT_GE(other, 0);
	if (!other)
		move(self->way, pid, rounds, cpu_of, cpus);

	for (n = 1; n <= ROUNDS; n++) {
		cpu = cpu_of[n % cpus];
		ASSERT_TRUE(one_round(self->way, pid, rounds, n));
		ASSERT_EQ(cpu_by_rseq(cpu), cpu);
		ASSERT_EQ(cpu_by_call(self->way, now), cpu);
	}
	EXPECT_TRUE(ended_well(other));
	EXPECT_EQ(wrong, 0);
}

/*
 * rseq: a signal handler never finds the program inside a critical section
 */

#ifdef RSEQ_SIG
#define STR_(x)	#x
#define STR(x)	STR_(x)

/* Arguments: the counter, the pointer to the section in its rseq, and the section */
#ifdef __x86_64__
# define SECTION_BEGIN	"mov %rdx,(%rsi)\n"
# define SECTION_COUNT	"incq (%rdi)\n"
#else
# define SECTION_BEGIN	"mov %ecx,(%edx)\n"
# define SECTION_COUNT	"incl (%eax)\n"
#endif

ENTRY_FUNCTION(section, long *count, void *where, struct rseq_cs *cs);
ENTRY_LABEL(section_start);
ENTRY_LABEL(section_end);
ENTRY_LABEL(section_abort);

asm(".pushsection .text\n"
	"section:\n"
	SECTION_BEGIN
	"section_start:\n"
	SECTION_COUNT
	"jmp section_start\n"
	"section_end:\n"
	"ud2\n"
	".long " STR(RSEQ_SIG) "\n"
	"section_abort:\n"
	"ret\n"
	".popsection\n");

static int handled, handled_at_abort;

static void section_handler(int sig, siginfo_t *info, void *ctx)
{
	unsigned long ip = ((ucontext_t *)ctx)->uc_mcontext.gregs[ENTRY_GREG_IP];

	if (ip >= (unsigned long)section_start && ip < (unsigned long)section_end)
		wrong++;
	if (ip == (unsigned long)section_abort)
		handled_at_abort++;
	handled++;
}

/* Send one signal per round, when the program is inside the section */
static void send_to_section(pid_t pid, long *inside, long *round)
{
	long i, n;

	for (n = 0; n < ROUNDS; n++) {
		for (i = 0; NOW(*round) != n || !NOW(*inside); i++) {
			if (i > SPINS)
				_exit(1);
			sched_yield();
		}
		if (kill(pid, SIGUSR1))
			_exit(1);
	}
	_exit(0);
}

TEST(rseq_abort)
{
	struct rseq *rseq = own_rseq();
	struct rseq_cs cs = {
		.start_ip = (unsigned long)section_start,
		.post_commit_offset = section_end - section_start,
		.abort_ip = (unsigned long)section_abort,
	};
	long *inside = entry_shared(2 * sizeof(*inside));
	long i, n, aborts = 0;
	pid_t pid = getpid();

	if (!rseq)
		SKIP(return, "no rseq in this libc or kernel");
	ASSERT_TRUE(!!inside);
	catch(SIGUSR1, section_handler);
	sender = fork();
	ASSERT_GE(sender, 0);
	if (!sender)
		send_to_section(pid, inside, inside + 1);

	/* Being scheduled out aborts it as well, so a round may take several attempts */
	for (n = 0; n < ROUNDS; n++) {
		inside[0] = 0;
		__atomic_store_n(&inside[1], n, __ATOMIC_SEQ_CST);
		for (i = 0; NOW(handled) == n && i < SPINS; i++) {
			section(inside, &rseq->rseq_cs, &cs);
			aborts++;
		}
		ASSERT_EQ(NOW(handled), n + 1);
	}
	EXPECT_TRUE(ended_well(sender));
	EXPECT_EQ(wrong, 0);
	EXPECT_GT(handled_at_abort, 0);
	EXPECT_GE(aborts, handled_at_abort);
	EXPECT_EQ(NOW(rseq->rseq_cs), 0);
}
#endif

/*
 * Uprobes: each hit is counted, even if signals arrive at the same time
 */

#define TRACING		"/sys/kernel/tracing/"
#define PROBE		"entry_storm/hit"

static bool tracing_write(const char *file, int flags, const char *text)
{
	int fd = open(file, O_WRONLY | flags);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* FILE:OFFSET of an address in this program */
static bool file_offset(const void *p, char *text, size_t size)
{
	unsigned long start, end, offset, addr = (unsigned long)p;
	char line[512], path[256];
	bool found = false;
	FILE *f;

	f = fopen("/proc/self/maps", "r");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		found = sscanf(line, "%lx-%lx %*s %lx %*s %*s %255s", &start, &end, &offset,
			       path) == 4 && addr >= start && addr < end;
	}
	fclose(f);
	if (found)
		snprintf(text, size, "%s:%#lx", path, addr - start + offset);
	return found;
}

static long probe_hits(void)
{
	char line[512], *p;
	long hits = -1;
	FILE *f;

	f = fopen(TRACING "uprobe_profile", "r");
	if (!f)
		return -1;
	while (hits < 0 && fgets(line, sizeof(line), f)) {
		/* FILE EVENT HITS */
		p = strstr(line, " hit ");
		if (!p || sscanf(p, " hit %ld", &hits) != 1)
			hits = -1;
	}
	fclose(f);
	return hits;
}

ENTRY_FUNCTION(probed, void);
asm(".pushsection .text\n"
	"probed:\n"
	"nop\n"
	"ret\n"
	".popsection\n");

static void count_handler(int sig, siginfo_t *info, void *ctx)
{
	next_value++;
}

TEST(uprobes)
{
	char offset[300], text[400];
	pid_t pid = getpid();
	long i, calls = 0;

	if (access(TRACING "uprobe_events", W_OK))
		SKIP(return, "no uprobe events in this kernel");
	ASSERT_TRUE(file_offset(probed, offset, sizeof(offset)));
	snprintf(text, sizeof(text), "p:%s %s\n", PROBE, offset);
	/* Remove what a killed test has left */
	tracing_write(TRACING "events/" PROBE "/enable", 0, "0");
	tracing_write(TRACING "uprobe_events", O_APPEND, "-:" PROBE "\n");
	ASSERT_TRUE(tracing_write(TRACING "uprobe_events", O_APPEND, text));
	EXPECT_TRUE(tracing_write(TRACING "events/" PROBE "/enable", 0, "1"));

	catch(SIGRTMIN, count_handler);
	sender = fork();
	ASSERT_GE(sender, 0);
	if (!sender)
		send_values(pid);
	for (i = 0; (NOW(next_value) < SIGNALS || calls < ROUNDS) && i < PROBED_SPINS; i++) {
		probed();
		calls++;
	}
	EXPECT_EQ(next_value, SIGNALS);
	EXPECT_TRUE(ended_well(sender));
	EXPECT_EQ(probe_hits(), calls);

	EXPECT_TRUE(tracing_write(TRACING "events/" PROBE "/enable", 0, "0"));
	EXPECT_TRUE(tracing_write(TRACING "uprobe_events", O_APPEND, "-:" PROBE "\n"));
}

TEST_HARNESS_MAIN
