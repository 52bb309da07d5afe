// SPDX-License-Identifier: GPL-2.0-only
/* A module that is built with the headers' package */
#include <linux/module.h>

static int __init hello_init(void)
{
	pr_info("hello from a module\n");
	return 0;
}

static void __exit hello_exit(void)
{
}

module_init(hello_init);
module_exit(hello_exit);
MODULE_DESCRIPTION("A module outside the kernel tree");
MODULE_LICENSE("GPL");
