/* Preloaded below a process: counts what it does to files below one folder, and breaks it at a chosen moment.
 *
 * An operation is a call that can change the disk: opening to write, write, fsync, rename, unlink, mkdir, rmdir. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { NOTHING, KILL, FAIL, SHORT, STOP, CLOCK };

static char prefix[PATH_MAX];
static int mode = NOTHING;
static long at, value, until, done;

void fault_arm(const char *below, int what, long first, long last, long with) {
    strncpy(prefix, below, PATH_MAX - 1);
    mode = what, at = first, until = last, value = with, done = 0;
}

long fault_operations(void) { return done; }

/* Without these even root asks for permission. */
int fault_obey_permissions(void) {
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct caps[2];
    if (syscall(SYS_capget, &head, caps)) return errno;
    unsigned int gone = 1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH | 1u << CAP_FOWNER;
    caps[0].effective &= ~gone, caps[0].permitted &= ~gone, caps[0].inheritable &= ~gone;
    return syscall(SYS_capset, &head, caps) ? errno : 0;
}

static int inside(const char *path) {
    return prefix[0] && path && strncmp(path, prefix, strlen(prefix)) == 0;
}

static int inside_fd(int fd) {
    char link[64], path[PATH_MAX];
    if (!prefix[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return inside(path);
}

/* Counts an operation; says whether it has to fail. */
static int strikes(void) {
    long number = __atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
    if (mode == KILL && number == at) kill(getpid(), SIGKILL), pause();
    if (mode == STOP && number == at) kill(getpid(), SIGSTOP);
    if (mode == FAIL && number >= at && number <= until) { errno = value; return 1; }
    return 0;
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)

static size_t part(size_t size) {
    if (mode == KILL && done + 1 == at) return size / 2;  /* a torn write: half is there, then the end */
    return mode == SHORT && size > 1 ? (size + 1) / 2 : size;
}

ssize_t write(int fd, const void *data, size_t size) {
    REAL(write);
    if (!inside_fd(fd)) return real(fd, data, size);
    if (mode == KILL && done + 1 == at) real(fd, data, size / 2);
    if (strikes()) return -1;
    return real(fd, data, part(size));
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    REAL(pwrite64);
    if (inside_fd(fd)) {
        if (strikes()) return -1;
        size = part(size);
    }
    return real(fd, data, size, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    if (!inside_fd(fd)) return real(fd, parts, count);
    if (strikes()) return -1;
    if (mode == SHORT && count > 0 && parts[0].iov_len) {
        struct iovec first = {parts[0].iov_base, part(parts[0].iov_len)};
        return real(fd, &first, 1);
    }
    return real(fd, parts, count);
}

#define OPENS(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        va_list more; va_start(more, flags); mode_t bits = va_arg(more, mode_t); va_end(more); \
        if ((flags & (O_WRONLY | O_RDWR | O_CREAT)) && inside(path) && strikes()) return -1; \
        return real(path, flags, bits); \
    }
OPENS(open)
OPENS(open64)

#define OPENS_AT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        REAL(name); \
        va_list more; va_start(more, flags); mode_t bits = va_arg(more, mode_t); va_end(more); \
        if ((flags & (O_WRONLY | O_RDWR | O_CREAT)) && (inside(path) || (path[0] != '/' && folder >= 0 && inside_fd(folder)))) \
            if (strikes()) return -1; \
        return real(folder, path, flags, bits); \
    }
OPENS_AT(openat)
OPENS_AT(openat64)

int rename(const char *from, const char *to) { REAL(rename); return inside(to) && strikes() ? -1 : real(from, to); }
int renameat(int a, const char *from, int b, const char *to) {
    REAL(renameat);
    return inside(to) && strikes() ? -1 : real(a, from, b, to);
}
int unlink(const char *path) { REAL(unlink); return inside(path) && strikes() ? -1 : real(path); }
int unlinkat(int folder, const char *path, int flags) {
    REAL(unlinkat);
    int ours = inside(path) || (path[0] != '/' && folder >= 0 && inside_fd(folder));
    return ours && strikes() ? -1 : real(folder, path, flags);
}
int mkdir(const char *path, mode_t bits) { REAL(mkdir); return inside(path) && strikes() ? -1 : real(path, bits); }
int rmdir(const char *path) { REAL(rmdir); return inside(path) && strikes() ? -1 : real(path); }
int fsync(int fd) { REAL(fsync); return inside_fd(fd) && strikes() ? -1 : real(fd); }
int fdatasync(int fd) { REAL(fdatasync); return inside_fd(fd) && strikes() ? -1 : real(fd); }

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    int status = real(clock, now);
    if (mode == CLOCK && clock == CLOCK_REALTIME && done >= at) now->tv_sec -= value;
    return status;
}
