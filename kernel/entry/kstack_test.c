// SPDX-License-Identifier: GPL-2.0-only
/* Tests of the random offsets that system calls add to the kernel's stack */

#include <kunit/test.h>
#include <linux/bitops.h>
#include <linux/math.h>
#include <linux/preempt.h>
#include <linux/randomize_kstack.h>
#include <linux/string.h>

/* Offsets that one random number is cut into, and their bits one beside the other */
#define OFFSETS		(31 / KSTACK_OFFSET_BITS)
#define BITS		(OFFSETS * KSTACK_OFFSET_BITS)

#define ROUNDS		4096
/* Eight standard deviations: not seen by chance */
#define TOLERANCE	(8 * 32)

static unsigned int next_offset(void)
{
	return KSTACK_OFFSET_MAX(next_kstack_offset()) >> KSTACK_OFFSET_SHIFT;
}

/* All offsets of a new random number */
static unsigned long draw(void)
{
	unsigned long bits = 0;
	int i;

	preempt_disable();
	raw_cpu_write(kstack_offsets, 0);
	for (i = 0; i < OFFSETS; i++)
		bits |= (unsigned long)next_offset() << (i * KSTACK_OFFSET_BITS);
	preempt_enable();

	return bits;
}

static void expect_half(struct kunit *test, int ones, int bit, int other)
{
	KUNIT_EXPECT_LE_MSG(test, abs(ones - ROUNDS / 2), TOLERANCE,
			    "%d of %d, bits %d and %d", ones, ROUNDS, bit, other);
}

/*
 * Each bit is set in half of the offsets, and differs from each other bit in half of
 * them: all offsets have their whole range, and none tells anything of another.
 */
static void bits_are_independent(struct kunit *test)
{
	static unsigned short differ[BITS][BITS];
	int round, i, j;

	memset(differ, 0, sizeof(differ));
	for (round = 0; round < ROUNDS; round++) {
		const unsigned long bits = draw();

		for (i = 0; i < BITS; i++) {
			differ[i][i] += (bits >> i) & 1;
			for (j = 0; j < i; j++)
				differ[i][j] += ((bits >> i) ^ (bits >> j)) & 1;
		}
	}

	for (i = 0; i < BITS; i++) {
		for (j = 0; j <= i; j++)
			expect_half(test, differ[i][j], i, j);
	}
}

/* A new random number is taken when all offsets of the last one are used, not before */
static void number_is_used_up(struct kunit *test)
{
	unsigned long left[OFFSETS + 1];
	int i;

	preempt_disable();
	raw_cpu_write(kstack_offsets, 0);
	for (i = 0; i <= OFFSETS; i++) {
		next_offset();
		left[i] = raw_cpu_read(kstack_offsets);
	}
	preempt_enable();

	for (i = 1; i < OFFSETS; i++)
		KUNIT_EXPECT_EQ(test, left[i], left[i - 1] >> KSTACK_OFFSET_BITS);
	KUNIT_EXPECT_EQ(test, left[OFFSETS - 1] >> KSTACK_OFFSET_BITS, 0);
	KUNIT_EXPECT_EQ(test, fls_long(left[OFFSETS]), fls_long(left[0]));
}

static struct kunit_case kstack_cases[] = {
	KUNIT_CASE(bits_are_independent),
	KUNIT_CASE(number_is_used_up),
	{ }
};

static struct kunit_suite kstack_suite = {
	.name		= "randomize_kstack",
	.test_cases	= kstack_cases,
};

kunit_test_suite(kstack_suite);
