// A disk that fails, preloaded into a server (power.py).
//
// A power cut: it notes after every successful fsync how long the file was before it; power.py kills the server and
// cuts its append-only files back to that. Renames and writes in place are not modelled.
//   POWERCUT_JOURNAL   file that gets a line "<bytes> <path>" per fsync
//
// A full disk: while the first byte of a file is '1', the first write to a regular file is cut short by half and all
// others fail with ENOSPC. Standard output and error are spared, so that the server can say what happened to it. Files
// that are mapped into memory and those that only grow (ftruncate) are not modelled.
//   POWERCUT_FULL      that file
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static off_t length_of(int fd) {
  struct stat s;
  return fstat(fd, &s) || !S_ISREG(s.st_mode) ? -1 : s.st_size;
}

static void note(int fd, off_t length) {
  static int journal = -1;
  if (journal < 0) {
    const char* path = getenv("POWERCUT_JOURNAL");
    if (!path) return;
    journal = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    if (journal < 0) abort();  // a journal with holes would let too much survive
  }
  char link[64], path[1024], line[1200];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n <= 0) return;
  path[n] = 0;
  int bytes = snprintf(line, sizeof line, "%lld %s\n", (long long)length, path);
  if (syscall(SYS_write, journal, line, bytes) != bytes) abort();  // not by our own write: the disk may be full
}

// The length before the call: what was written meanwhile is not promised to be on the disk.
#define NOTED(f)                                  \
  int f(int fd) {                                 \
    static int (*real)(int);                      \
    if (!real) real = dlsym(RTLD_NEXT, #f);       \
    off_t length = length_of(fd);                 \
    int result = real(fd);                        \
    if (!result && length >= 0) note(fd, length); \
    return result;                                \
  }
NOTED(fsync)
NOTED(fdatasync)

static const volatile char* full_flag;

__attribute__((constructor)) static void watch_flag(void) {
  const char* path = getenv("POWERCUT_FULL");
  if (!path) return;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) abort();  // a disk that never fills proves nothing
  void* page = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
  if (page == MAP_FAILED) abort();
  full_flag = page;
  close(fd);
}

// How much of a write fits: all of it, half of the first, or nothing.
static size_t fits(int fd, size_t bytes) {
  static atomic_int halved;
  if (!full_flag || *full_flag != '1' || fd <= 2 || bytes == 0 || length_of(fd) < 0) return bytes;
  return atomic_exchange(&halved, 1) ? 0 : bytes / 2;
}

// Parameters and arguments in brackets; what a call that fits in part does instead, behind them.
#define BOUNDED(f, parameters, arguments, bytes, part) \
  ssize_t f parameters {                               \
    static ssize_t(*real) parameters;                  \
    if (!real) real = dlsym(RTLD_NEXT, #f);            \
    size_t wanted = bytes, left = fits(fd, wanted);    \
    if (left == wanted) return real arguments;         \
    if (left > 0) return part;                         \
    errno = ENOSPC;                                    \
    return -1;                                         \
  }
BOUNDED(write, (int fd, const void* data, size_t n), (fd, data, n), n, real(fd, data, left))
BOUNDED(pwrite, (int fd, const void* data, size_t n, off_t at), (fd, data, n, at), n, real(fd, data, left, at))
BOUNDED(pwrite64, (int fd, const void* data, size_t n, off64_t at), (fd, data, n, at), n, real(fd, data, left, at))
// What gathers pieces is refused whole: it counts as one byte, of which half is nothing.
BOUNDED(writev, (int fd, const struct iovec* pieces, int n), (fd, pieces, n), n > 0, -1)
