// SPDX-License-Identifier: GPL-2.0-only
/*
 * Null system calls to be looked at from outside, by series/guest/footprint-plugin.c: behind
 * the marker, a NOP with a displacement that nobody else has, comes the SYSCALL.
 */

/* A number without a system call, and without the bit of x32 */
#define NULL_CALL	0x3fff
#define ENOSYS		38

#define WARM_UP		500
/* So many that the random offset of the kernel stack is once the smallest */
#define ROUNDS		1000

#define null_call(marker)						\
({									\
	long __ret;							\
									\
	asm volatile (marker "syscall"					\
		      : "=a" (__ret) : "a" (NULL_CALL)			\
		      : "rcx", "r11", "memory");			\
	__ret;								\
})

int main(void)
{
	int i, wrong = 0;

	for (i = 0; i < WARM_UP; i++)
		wrong |= null_call("") != -ENOSYS;
	for (i = 0; i < ROUNDS; i++)
		wrong |= null_call("nopl 0x7e57f007(%%rax)\n\t") != -ENOSYS;
	return wrong;
}
