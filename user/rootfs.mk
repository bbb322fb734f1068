# What the initramfs has beside our own programs, taken from this machine's packages as it is: busybox and a link for
# each of its applets, the dynamic linkers of musl and glibc. And what is in user/rootfs, and the directories that a
# program expects.

BUSYBOX := $(firstword $(wildcard /bin/busybox /usr/bin/busybox))
MUSL_LD := /lib/ld-musl-x86_64.so.1
GLIBC_LD := /lib64/ld-linux-x86-64.so.2
GLIBC := $(firstword $(wildcard /lib/x86_64-linux-gnu/libc.so.6 /usr/lib/x86_64-linux-gnu/libc.so.6))

ROOTFS := $(B)/rootfs.list
ROOTFS_FILES := $(BUSYBOX) $(MUSL_LD) $(GLIBC_LD) $(GLIBC) $(wildcard user/rootfs/* user/rootfs/*/*)

# Its applets are in /bin and /sbin; nothing is in /usr.
$(ROOTFS): user/rootfs.mk $(BUSYBOX)
	@test -n "$(BUSYBOX)" || { echo "no busybox: make setup installs it"; false; }
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q){ $(BUSYBOX) --list-full | sed -n 's|^\(usr/\)\{0,1\}\(s\{0,1\}bin/.*\)|\2=@/bin/busybox|p'; \
		printf '%s\n' bin/busybox=$(BUSYBOX) $(MUSL_LD)=$(MUSL_LD) $(GLIBC_LD)=$(GLIBC_LD) \
			lib/x86_64-linux-gnu/libc.so.6=$(GLIBC) etc=user/rootfs/etc \
			root=:700 tmp=:1777 proc= sys= dev/shm=:1777 dev/console=c:5:1 dev/null=c:1:3; } > $@
