/* Preloaded into a process: the n-th system step that touches a folder fails, or ends the process.

   faults_arm(folder, counter, n, action, error): count every open, write, sync, rename, link, removal, folder,
   lock and truncation under the folder into *counter. At the n-th: action 1 fails it with the error, 2 kills before it, 3 kills
   after it (a write is cut in half, as a torn one), 0 only counts. Action 4 is a disk of n bytes: *counter counts the bytes
   written, and 512 for each file, folder or link; what does not fit is cut or fails with the error. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char folder[PATH_MAX];
static volatile long *counter;
static long deadly;
static int action, failure;

void faults_arm(const char *path, long *shared, long n, int what, int error) {
    snprintf(folder, sizeof folder, "%s", path);
    counter = shared, deadly = n, action = what, failure = error;
}

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

static int within(const char *path) { return counter && path && !strncmp(path, folder, strlen(folder)); }

static int of_handle(int handle) {
    char link[64], path[PATH_MAX];
    if (!counter) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return within(path);
}

static int at(int handle, const char *path) {
    return path && path[0] == '/' ? within(path) : handle == AT_FDCWD ? 0 : of_handle(handle);
}

static void end(void) { kill(getpid(), SIGKILL); }

static int taken(int ours, long size) {
    if (!ours || action != 4) return 0;
    if (*counter + size > deadly) { errno = failure; return 1; }
    *counter += size;
    return 0;
}

/* The step this thread is in: files are synced by several. */
static __thread long step;

/* 1 where this step must fail. */
static int meets(int ours) {
    if (!ours || action == 4) return 0;
    step = __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
    if (step != deadly || !action) return 0;
    if (action == 2) end();
    if (action == 1) { errno = failure; return 1; }
    return 0;
}

static long done(int ours, long result) {
    int kept = errno;
    if (ours && action == 3 && step == deadly) end();
    errno = kept;
    return result;
}

#define STEP(type, name, parameters, ours_of, ...) \
    type name parameters { \
        static type (*next) parameters; \
        if (!next) next = real(#name); \
        int ours = ours_of; \
        if (meets(ours)) return -1; \
        return (type)done(ours, next(__VA_ARGS__)); \
    }

#define OPENS(name) \
    int name(const char *path, int flags, ...) { \
        static int (*next)(const char *, int, ...); \
        if (!next) next = real(#name); \
        va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, int); va_end(rest); \
        int ours = within(path); \
        if (meets(ours) || ((flags & O_CREAT) && access(path, F_OK) && taken(ours, 512))) return -1; \
        return (int)done(ours, next(path, flags, mode)); \
    }
#define OPENS_AT(name) \
    int name(int handle, const char *path, int flags, ...) { \
        static int (*next)(int, const char *, int, ...); \
        if (!next) next = real(#name); \
        va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, int); va_end(rest); \
        int ours = at(handle, path); \
        if (meets(ours)) return -1; \
        return (int)done(ours, next(handle, path, flags, mode)); \
    }

OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)

ssize_t write(int handle, const void *data, size_t size) {
    static ssize_t (*next)(int, const void *, size_t);
    if (!next) next = real("write");
    int ours = of_handle(handle);
    if (meets(ours)) return -1;
    if (ours && action == 4 && size) {
        if (*counter < deadly && *counter + (long)size > deadly) size = deadly - *counter;
        if (taken(ours, size)) return -1;
    }
    if (ours && action == 3 && step == deadly && size > 1) size /= 2;
    return done(ours, next(handle, data, size));
}

STEP(ssize_t, pwrite, (int h, const void *d, size_t n, off_t o), of_handle(h), h, d, n, o)
STEP(ssize_t, pwrite64, (int h, const void *d, size_t n, off64_t o), of_handle(h), h, d, n, o)
STEP(ssize_t, writev, (int h, const struct iovec *v, int n), of_handle(h), h, v, n)
STEP(int, fsync, (int h), of_handle(h), h)
STEP(int, fdatasync, (int h), of_handle(h), h)
STEP(int, ftruncate, (int h, off_t n), of_handle(h), h, n)
STEP(int, ftruncate64, (int h, off64_t n), of_handle(h), h, n)
STEP(int, flock, (int h, int o), of_handle(h), h, o)
STEP(int, rename, (const char *a, const char *b), within(a) || within(b), a, b)
STEP(int, renameat, (int h, const char *a, int k, const char *b), at(h, a) || at(k, b), h, a, k, b)
int mkdir(const char *p, mode_t m) {
    static int (*next)(const char *, mode_t);
    if (!next) next = real("mkdir");
    int ours = within(p);
    if (meets(ours) || (access(p, F_OK) && taken(ours, 512))) return -1;
    return (int)done(ours, next(p, m));
}

STEP(int, mkdirat, (int h, const char *p, mode_t m), at(h, p), h, p, m)
int symlink(const char *t, const char *p) {
    static int (*next)(const char *, const char *);
    if (!next) next = real("symlink");
    int ours = within(p);
    if (meets(ours) || taken(ours, 512)) return -1;
    return (int)done(ours, next(t, p));
}

STEP(int, symlinkat, (const char *t, int h, const char *p), at(h, p), t, h, p)
STEP(int, link, (const char *a, const char *b), within(b), a, b)
STEP(int, unlink, (const char *p), within(p), p)
STEP(int, unlinkat, (int h, const char *p, int f), at(h, p), h, p, f)
STEP(int, rmdir, (const char *p), within(p), p)
