/* A power cut for files: LD_PRELOAD this and writes below POWER_FOLDER reach "the disk" in POWER_DISK only when they are synced.
 *
 * A killed process leaves the page cache behind, so a kill proves nothing about syncing. Here each file has two copies in POWER_DISK:
 * c_ID, what the page cache holds, and d_ID, what the disk holds. A write goes to the file and to the cache; a sync copies what is dirty
 * from cache to disk, 4 KiB at a time and in any order, so that a kill in the middle of one leaves it torn. An O_SYNC or O_DSYNC write
 * syncs its own range. Names are an ordered log, as in a journaling file system (ext4, xfs): any sync that changes metadata makes all
 * earlier names durable. A failed sync forgets what was dirty, as Linux does: the next one says OK and the data are gone.
 *
 * POWER_LINGER_US  how long each page takes on its way to the disk
 * POWER_KILL_AT    kill the process at the n-th step: a write, a page that reaches the disk, a name, the end of a sync
 * POWER_FAULTS     a folder; while it holds one of these files, that fails with the errno that is in it: `write`, `sync`;
 *                  `meta`: a write to the first two pages, where LMDB says which commit counts, before a byte of it;
 *                  `meta_sync`: the same, after the page cache has it, and what LMDB writes over it then, too, as on a file system that
 *                  goes read-only; `short`: a write takes half of what it is given, and says so, whatever the number is
 *
 * Not seen: what libc writes by itself (stdio, mkstemp), and system calls made past libc. ID is inode and birth time.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define MOST_FDS 65536
#define MOST_MAPS 64
#define REAL(name) ({ static __typeof__(&name) found; if (!found) found = (__typeof__(&name))real(#name); found; })

typedef struct File {
    char id[64];
    int cache, disk;
    unsigned char *dirty;
    off_t pages;
    int fresh; /* the disk does not know its size or name yet */
    pthread_mutex_t lock;
    struct File *next;
} File;

typedef struct { char *at; size_t length; off_t offset; File *file; } Map;

static File *files, *of_fd[MOST_FDS];
static unsigned char known[MOST_FDS]; /* 0: not looked at, 1: none of ours, 2: ours, 3: ours and each write is synced */
static Map maps[MOST_MAPS];
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX], store[PATH_MAX], faults[PATH_MAX];
static size_t folder_length;
static long linger_us, kill_at;
static atomic_long steps;
static atomic_uint dice;
static int names = -1;

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

__attribute__((constructor)) static void begin(void) {
    const char *at = getenv("POWER_FOLDER"), *disk = getenv("POWER_DISK"), *number, *fault = getenv("POWER_FAULTS");
    if (!at || !disk || !realpath(at, folder) || !realpath(disk, store)) return;
    if (fault) snprintf(faults, sizeof faults, "%s", fault);
    linger_us = (number = getenv("POWER_LINGER_US")) ? atol(number) : 0;
    kill_at = (number = getenv("POWER_KILL_AT")) ? atol(number) : 0;
    dice = (unsigned)time(NULL) * 2654435761u ^ (unsigned)getpid();
    folder_length = strlen(folder);
}

static int ours(const char *path) {
    return folder_length && !strncmp(path, folder, folder_length) && (path[folder_length] == '/' || !path[folder_length]);
}

static void step(void) {
    if (kill_at && atomic_fetch_add(&steps, 1) + 1 == kill_at) kill(getpid(), SIGKILL);
}

static int failing(const char *what) { /* the errno that an operation has to fail with now, 0 for none */
    char path[PATH_MAX + 16], text[16] = "";
    if (!*faults) return 0;
    snprintf(path, sizeof path, "%s/%s", faults, what);
    int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t got = syscall(SYS_read, fd, text, sizeof text - 1);
    syscall(SYS_close, fd);
    return got > 0 ? atoi(text) : 0;
}

static void name(const char *format, ...) { /* one line in the log of names */
    char line[2 * PATH_MAX + 128];
    va_list rest;
    va_start(rest, format);
    int length = vsnprintf(line, sizeof line, format, rest);
    va_end(rest);
    pthread_mutex_lock(&table);
    if (names < 0) {
        char path[PATH_MAX + 16];
        snprintf(path, sizeof path, "%s/names", store);
        int fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        names = fcntl(fd, F_DUPFD_CLOEXEC, 700);
        syscall(SYS_close, fd);
    }
    if (syscall(SYS_write, names, line, length) != length) abort();
    pthread_mutex_unlock(&table);
    step();
}

static int shadow(char kind, const char *id, int *made) {
    char path[PATH_MAX + 80];
    snprintf(path, sizeof path, "%s/%c_%s", store, kind, id);
    int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    *made = fd < 0;
    if (fd < 0) fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 700);
    syscall(SYS_close, fd);
    if (high < 0) abort();
    return high;
}

/* The name of a file's copies; exported for the tests. */
int power_id(int fd, const char *path, char *id, size_t size) {
    struct statx told;
    if (statx(fd, path, *path ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH, STATX_INO | STATX_BTIME | STATX_TYPE, &told)) return -1;
    if (!(told.stx_mask & STATX_BTIME)) return -2;
    snprintf(id, size, "%llx-%llx.%09u", (unsigned long long)told.stx_ino, (unsigned long long)told.stx_btime.tv_sec, told.stx_btime.tv_nsec);
    return (told.stx_mode & S_IFMT) == S_IFREG;
}

static off_t size_of(int fd) {
    struct stat told;
    return fstat(fd, &told) ? 0 : told.st_size;
}

static void mark(File *file, off_t from, off_t to) {
    off_t last = (to + PAGE - 1) / PAGE;
    if (last > file->pages) {
        off_t pages = last * 2 + 16;
        file->dirty = realloc(file->dirty, pages);
        memset(file->dirty + file->pages, 0, pages - file->pages);
        file->pages = pages;
    }
    for (off_t page = from / PAGE; page < last; page++) file->dirty[page] = 1;
}

static void compare(File *file) { /* what a process that was killed wrote and did not sync is dirty still */
    char one[PAGE], other[PAGE];
    off_t size = size_of(file->cache);
    file->fresh |= size != size_of(file->disk);
    for (off_t at = 0; at < size; at += PAGE) {
        ssize_t got = pread(file->cache, one, PAGE, at);
        if (got != pread(file->disk, other, PAGE, at) || memcmp(one, other, got > 0 ? got : 0)) mark(file, at, at + PAGE);
    }
}

static File *attach(int fd, const char *path) {
    char id[64];
    int made, new_disk, told = power_id(fd, "", id, sizeof id);
    if (told == -2) abort();
    if (told != 1) return NULL;
    pthread_mutex_lock(&table);
    File *file = files;
    while (file && strcmp(file->id, id)) file = file->next;
    pthread_mutex_unlock(&table);
    if (file) return file;
    file = calloc(1, sizeof *file);
    strcpy(file->id, id);
    pthread_mutex_init(&file->lock, NULL);
    if (syscall(SYS_access, path, F_OK) == 0) { /* the name first: a copy without a name would never get one */
        char copy[PATH_MAX + 80];
        snprintf(copy, sizeof copy, "%s/c_%s", store, id);
        if (syscall(SYS_access, copy, F_OK)) name("C\t%s\t%s\n", id, path);
    }
    file->cache = shadow('c', id, &made);
    file->disk = shadow('d', id, &new_disk);
    file->fresh = new_disk;
    compare(file);
    pthread_mutex_lock(&table);
    file->next = files;
    files = file;
    pthread_mutex_unlock(&table);
    return file;
}

static void opened(int fd, int flags) {
    int before = errno;
    char link[64], path[PATH_MAX];
    if (fd < 0 || fd >= MOST_FDS) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = folder_length ? readlink(link, path, sizeof path - 1) : 0;
    path[length > 0 ? length : 0] = 0;
    File *file = length > 0 && ours(path) ? attach(fd, path) : NULL;
    of_fd[fd] = file;
    known[fd] = file ? (flags & O_DSYNC ? 3 : 2) : 1;
    if (file && flags & O_TRUNC && size_of(file->cache)) {
        pthread_mutex_lock(&file->lock);
        if (ftruncate(file->cache, 0)) abort();
        file->fresh = 1;
        pthread_mutex_unlock(&file->lock);
    }
    errno = before;
}

static File *file_of(int fd) {
    if (!folder_length || fd < 0 || fd >= MOST_FDS) return NULL;
    if (!known[fd]) {
        int flags = fcntl(fd, F_GETFL);
        opened(fd, flags > 0 ? flags & O_DSYNC : 0);
    }
    return known[fd] > 1 ? of_fd[fd] : NULL;
}

static void forget(int fd) {
    if (fd >= 0 && fd < MOST_FDS) known[fd] = 0, of_fd[fd] = NULL;
}

/* Bring dirty pages of a range to the disk, in any order; the file's lock is held. */
static void persist(File *file, off_t from, off_t to, int whole) {
    char page[PAGE];
    off_t *order = malloc(sizeof *order * (file->pages + 1)), count = 0, size = size_of(file->cache), on_disk = size_of(file->disk);
    for (off_t at = from / PAGE; at < file->pages && at * PAGE < to; at++)
        if (file->dirty[at]) order[count++] = at;
    for (off_t at = count - 1; at > 0; at--) {
        unsigned thrown = atomic_fetch_add(&dice, 0x9E3779B9u);
        thrown ^= thrown >> 16, thrown *= 0x85EBCA6Bu, thrown ^= thrown >> 13;
        off_t other = thrown % (at + 1), kept = order[at];
        order[at] = order[other], order[other] = kept;
    }
    for (off_t at = 0; at < count; at++) {
        off_t start = order[at] * PAGE;
        ssize_t got = pread(file->cache, page, PAGE, start);
        if (got > 0 && pwrite(file->disk, page, got, start) != got) abort();
        file->dirty[order[at]] = 0;
        if (linger_us) nanosleep(&(struct timespec){linger_us / 1000000, linger_us % 1000000 * 1000}, NULL);
        step();
    }
    off_t end = whole ? size : to < size ? to : size;
    int metadata = file->fresh || (whole ? end != on_disk : end > on_disk);
    if ((whole ? end != size_of(file->disk) : end > size_of(file->disk)) && ftruncate(file->disk, end)) abort();
    free(order);
    if (whole) file->fresh = 0;
    if (metadata) name("S\n");
    step();
}

static int sync_file(File *file, int always) {
    int problem = failing("sync");
    pthread_mutex_lock(&file->lock);
    if (problem) {
        if (file->pages) memset(file->dirty, 0, file->pages);
        file->fresh = 0;
    } else {
        file->fresh |= always;
        persist(file, 0, INT64_MAX - PAGE, 1);
    }
    pthread_mutex_unlock(&file->lock);
    errno = problem;
    return problem ? -1 : 0;
}

static ssize_t put(int fd, File *file, const struct iovec *parts, int count, off_t at, int flags) {
    int problem = failing("write"), before = errno, at_end = at < 0, meta = !at_end && at < 2 * PAGE, late = 0;
    struct iovec half = {parts[0].iov_base, parts[0].iov_len / 2};
    if (!problem && meta) problem = failing("meta");
    if (!problem && meta && (late = failing("meta_sync")) && known[fd] != 3) problem = late;
    if (problem) return errno = problem, -1;
    if (half.iov_len && failing("short")) parts = &half, count = 1;
    pthread_mutex_lock(&file->lock);
    ssize_t done = at_end ? REAL(writev)(fd, parts, count) : REAL(pwritev)(fd, parts, count, at);
    if (done > 0) {
        off_t start = at_end ? lseek(fd, 0, SEEK_CUR) - done : at, now = start;
        for (int part = 0; part < count && now < start + done; part++) {
            size_t size = parts[part].iov_len, left = start + done - now;
            if (size > left) size = left;
            if (size && REAL(pwrite)(file->cache, parts[part].iov_base, size, now) != (ssize_t)size) abort();
            now += size;
        }
        mark(file, start, now);
        step();
        if (known[fd] == 3 || flags & (RWF_DSYNC | RWF_SYNC)) {
            if ((problem = late ? late : failing("sync"))) done = -1, memset(file->dirty + start / PAGE, 0, (now + PAGE - 1) / PAGE - start / PAGE);
            else persist(file, start, now, 0);
        }
    } else problem = done < 0 ? errno : 0;
    pthread_mutex_unlock(&file->lock);
    errno = problem ? problem : before;
    return done;
}


static int open_at(int from, const char *path, int flags, mode_t mode) {
    int fd = syscall(SYS_openat, from, path, flags, mode);
    opened(fd, flags);
    return fd;
}

#define MODE                                                                                                       \
    va_list rest;                                                                                                  \
    va_start(rest, flags);                                                                                         \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                                        \
    va_end(rest)

int open(const char *path, int flags, ...) { MODE; return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE; return open_at(AT_FDCWD, path, flags, mode); }
int openat(int from, const char *path, int flags, ...) { MODE; return open_at(from, path, flags, mode); }
int openat64(int from, const char *path, int flags, ...) { MODE; return open_at(from, path, flags, mode); }
int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }
int __open_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
int __openat_2(int from, const char *path, int flags) { return open_at(from, path, flags, 0); }
int __openat64_2(int from, const char *path, int flags) { return open_at(from, path, flags, 0); }

int close(int fd) { forget(fd); return REAL(close)(fd); }
int dup2(int from, int to) { if (from != to) forget(to); return REAL(dup2)(from, to); }
int dup3(int from, int to, int flags) { if (from != to) forget(to); return REAL(dup3)(from, to, flags); }

ssize_t write(int fd, const void *data, size_t size) {
    File *file = file_of(fd);
    return file ? put(fd, file, &(struct iovec){(void *)data, size}, 1, -1, 0) : REAL(write)(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    File *file = file_of(fd);
    return file ? put(fd, file, &(struct iovec){(void *)data, size}, 1, at, 0) : REAL(pwrite)(fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) { return pwrite(fd, data, size, at); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
    File *file = file_of(fd);
    return file ? put(fd, file, parts, count, -1, 0) : REAL(writev)(fd, parts, count);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    File *file = file_of(fd);
    return file ? put(fd, file, parts, count, at, 0) : REAL(pwritev)(fd, parts, count, at);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t at) { return pwritev(fd, parts, count, at); }

ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t at, int flags) {
    File *file = file_of(fd);
    return file ? put(fd, file, parts, count, at, flags) : REAL(pwritev2)(fd, parts, count, at, flags);
}
ssize_t pwritev64v2(int fd, const struct iovec *parts, int count, off_t at, int flags) { return pwritev2(fd, parts, count, at, flags); }

/* Callers fall back to reading and writing, which is seen. */
ssize_t sendfile(int to, int from, off_t *at, size_t size) { return file_of(to) ? errno = EINVAL, -1 : REAL(sendfile)(to, from, at, size); }
ssize_t sendfile64(int to, int from, off_t *at, size_t size) { return sendfile(to, from, at, size); }
ssize_t copy_file_range(int from, off_t *at, int to, off_t *there, size_t size, unsigned flags) {
    return file_of(to) ? errno = EXDEV, -1 : REAL(copy_file_range)(from, at, to, there, size, flags);
}

static int resize(File *file, off_t size) {
    pthread_mutex_lock(&file->lock);
    off_t before = size_of(file->cache);
    if (REAL(ftruncate)(file->cache, size)) abort();
    if (size < before) mark(file, size, before);
    file->fresh |= size != before;
    pthread_mutex_unlock(&file->lock);
    step();
    return 0;
}

int ftruncate(int fd, off_t size) {
    File *file = file_of(fd);
    int problem = file ? failing("write") : 0;
    if (problem) return errno = problem, -1;
    int done = REAL(ftruncate)(fd, size);
    return file && !done ? resize(file, size) : done;
}
int ftruncate64(int fd, off_t size) { return ftruncate(fd, size); }

int truncate(const char *path, off_t size) {
    int fd = open(path, O_WRONLY | O_CLOEXEC), done = fd < 0 ? -1 : ftruncate(fd, size), before = errno;
    if (fd >= 0) close(fd);
    return errno = before, done;
}
int truncate64(const char *path, off_t size) { return truncate(path, size); }

int fallocate(int fd, int mode, off_t at, off_t size) {
    File *file = file_of(fd);
    if (!file) return REAL(fallocate)(fd, mode, at, size);
    if (mode) return errno = EOPNOTSUPP, -1;
    return at + size > size_of(file->cache) ? ftruncate(fd, at + size) : 0;
}
int fallocate64(int fd, int mode, off_t at, off_t size) { return fallocate(fd, mode, at, size); }
int posix_fallocate(int fd, off_t at, off_t size) { return fallocate(fd, 0, at, size) ? errno : 0; }
int posix_fallocate64(int fd, off_t at, off_t size) { return posix_fallocate(fd, at, size); }

int fdatasync(int fd) {
    File *file = file_of(fd);
    return file ? sync_file(file, 0) : REAL(fdatasync)(fd);
}

int fsync(int fd) {
    char link[64], path[PATH_MAX];
    File *file = file_of(fd);
    if (file) return sync_file(file, 1);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = folder_length ? readlink(link, path, sizeof path - 1) : 0;
    path[length > 0 ? length : 0] = 0;
    if (length <= 0 || !ours(path)) return REAL(fsync)(fd);
    int problem = failing("sync");
    if (problem) return errno = problem, -1;
    name("S\n"); /* a folder */
    return 0;
}

void sync(void) {
    for (File *file = files; file; file = file->next) sync_file(file, 1);
}
int syncfs(int fd) { return (void)fd, sync(), 0; }

int sync_file_range(int fd, off_t at, off_t size, unsigned flags) {
    File *file = file_of(fd);
    if (!file) return REAL(sync_file_range)(fd, at, size, flags);
    pthread_mutex_lock(&file->lock);
    int fresh = file->fresh;
    persist(file, at, size ? at + size : INT64_MAX - PAGE, 0);
    file->fresh = fresh;
    pthread_mutex_unlock(&file->lock);
    return 0;
}

void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset) {
    void *done = (void *)syscall(SYS_mmap, at, length, protection, flags, fd, offset);
    File *file = done != MAP_FAILED && flags & MAP_SHARED && protection & PROT_WRITE ? file_of(fd) : NULL;
    for (int slot = 0; file && slot < MOST_MAPS; slot++)
        if (!maps[slot].file) {
            maps[slot] = (Map){done, length, offset, file};
            break;
        }
    return done;
}
void *mmap64(void *at, size_t length, int protection, int flags, int fd, off_t offset) { return mmap(at, length, protection, flags, fd, offset); }

int munmap(void *at, size_t length) {
    for (int slot = 0; slot < MOST_MAPS; slot++)
        if (maps[slot].file && maps[slot].at == at) maps[slot].file = NULL;
    return syscall(SYS_munmap, at, length);
}

int msync(void *at, size_t length, int flags) {
    for (int slot = 0; slot < MOST_MAPS; slot++) {
        Map map = maps[slot];
        if (!map.file || (char *)at < map.at || (char *)at >= map.at + map.length) continue;
        int problem = failing("sync");
        if (problem) return errno = problem, -1;
        off_t from = map.offset + ((char *)at - map.at), size = size_of(map.file->cache), to = from + (off_t)length;
        if (to > size) to = size;
        pthread_mutex_lock(&map.file->lock);
        if (to > from && REAL(pwrite)(map.file->cache, at, to - from, from) != to - from) abort();
        mark(map.file, from, to);
        if (flags & MS_SYNC) persist(map.file, from, to, 0);
        pthread_mutex_unlock(&map.file->lock);
        return 0;
    }
    return syscall(SYS_msync, at, length, flags);
}

static int full(int from, const char *path, char *out) { /* whether a name is below the folder; its folders resolved into `out` */
    char whole[2 * PATH_MAX], link[64], parent[PATH_MAX];
    if (!folder_length) return 0;
    if (*path == '/') snprintf(whole, sizeof whole, "%s", path);
    else {
        if (from == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", from);
        ssize_t length = readlink(link, parent, sizeof parent - 1);
        if (length <= 0) return 0;
        parent[length] = 0;
        snprintf(whole, sizeof whole, "%s/%s", parent, path);
    }
    for (size_t end = strlen(whole); end > 1 && whole[end - 1] == '/';) whole[--end] = 0;
    char *last = strrchr(whole, '/');
    *last = 0;
    if (!realpath(*whole ? whole : "/", parent)) return 0;
    return snprintf(out, PATH_MAX, "%s/%s", strcmp(parent, "/") ? parent : "", last + 1) < PATH_MAX && ours(out);
}

int renameat2(int from, const char *path, int to, const char *target, unsigned flags) {
    char one[PATH_MAX], other[PATH_MAX];
    int a = full(from, path, one), b = full(to, target, other), done = syscall(SYS_renameat2, from, path, to, target, flags);
    if (!done && a != b) abort(); /* across the border is not modelled */
    if (!done && a) name("M\t%s\t%s\n", one, other);
    return done;
}
int renameat(int from, const char *path, int to, const char *target) { return renameat2(from, path, to, target, 0); }
int rename(const char *path, const char *target) { return renameat2(AT_FDCWD, path, AT_FDCWD, target, 0); }

int unlinkat(int from, const char *path, int flags) {
    char one[PATH_MAX];
    int a = full(from, path, one), done = syscall(SYS_unlinkat, from, path, flags);
    if (!done && a) name("U\t%s\n", one);
    return done;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int from, const char *path, mode_t mode) {
    char one[PATH_MAX];
    int a = full(from, path, one), done = syscall(SYS_mkdirat, from, path, mode);
    if (!done && a) name("D\t%s\n", one);
    return done;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int linkat(int from, const char *path, int to, const char *target, int flags) {
    char other[PATH_MAX], id[64];
    int b = full(to, target, other), done = syscall(SYS_linkat, from, path, to, target, flags);
    if (!done && b && power_id(to, target, id, sizeof id) == 1) name("C\t%s\t%s\n", id, other);
    return done;
}
int link(const char *path, const char *target) { return linkat(AT_FDCWD, path, AT_FDCWD, target, 0); }
