// SPDX-License-Identifier: GPL-2.0-only
/*
 * The functions of libcap that 32-bit selftests call. The 32-bit library
 * itself can only be installed as a package of a foreign architecture.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct _cap_struct {
	struct __user_cap_header_struct head;
	struct __user_cap_data_struct data[2];
};

static __u32 *word(cap_t cap, cap_value_t value, cap_flag_t flag)
{
	struct __user_cap_data_struct *data = &cap->data[value / 32];

	switch (flag) {
	case CAP_EFFECTIVE:
		return &data->effective;
	case CAP_PERMITTED:
		return &data->permitted;
	default:
		return &data->inheritable;
	}
}

cap_t cap_get_proc(void)
{
	cap_t cap = calloc(1, sizeof(*cap));

	if (!cap)
		return NULL;
	cap->head.version = _LINUX_CAPABILITY_VERSION_3;
	if (syscall(SYS_capget, &cap->head, cap->data)) {
		free(cap);
		return NULL;
	}
	return cap;
}

int cap_set_proc(cap_t cap)
{
	return syscall(SYS_capset, &cap->head, cap->data);
}

int cap_get_flag(cap_t cap, cap_value_t value, cap_flag_t flag,
		 cap_flag_value_t *result)
{
	if (value < 0 || value > 63) {
		errno = EINVAL;
		return -1;
	}
	*result = *word(cap, value, flag) & (1u << value % 32) ? CAP_SET : CAP_CLEAR;
	return 0;
}

int cap_set_flag(cap_t cap, cap_flag_t flag, int count,
		 const cap_value_t *values, cap_flag_value_t raise)
{
	for (int i = 0; i < count; i++) {
		__u32 bit = 1u << values[i] % 32;

		if (values[i] < 0 || values[i] > 63) {
			errno = EINVAL;
			return -1;
		}
		if (raise == CAP_SET)
			*word(cap, values[i], flag) |= bit;
		else
			*word(cap, values[i], flag) &= ~bit;
	}
	return 0;
}

int cap_clear_flag(cap_t cap, cap_flag_t flag)
{
	for (cap_value_t value = 0; value < 64; value++)
		cap_set_flag(cap, flag, 1, &value, CAP_CLEAR);
	return 0;
}

int cap_clear(cap_t cap)
{
	memset(cap->data, 0, sizeof(cap->data));
	return 0;
}

unsigned int cap_get_secbits(void)
{
	return prctl(PR_GET_SECUREBITS);
}

int cap_set_secbits(unsigned int bits)
{
	return prctl(PR_SET_SECUREBITS, bits);
}

int cap_free(void *cap)
{
	free(cap);
	return 0;
}
