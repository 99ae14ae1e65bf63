// What a power cut leaves: preloaded into a server, it notes after every successful fsync how long the file was before it.
// power.py kills the server and cuts its append-only files back to that. Renames and writes in place are not modelled.
//   POWERCUT_JOURNAL   file that gets a line "<bytes> <path>" per fsync
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static off_t length_of(int fd) {
  struct stat s;
  return fstat(fd, &s) || !S_ISREG(s.st_mode) ? -1 : s.st_size;
}

static void note(int fd, off_t length) {
  static int journal = -1;
  if (journal < 0) {
    const char *path = getenv("POWERCUT_JOURNAL");
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
  if (write(journal, line, bytes) != bytes) abort();
}

// The length before the call: what was written meanwhile is not promised to be on the disk.
#define NOTED(f)                                 \
  int f(int fd) {                                \
    static int (*real)(int);                     \
    if (!real) real = dlsym(RTLD_NEXT, #f);      \
    off_t length = length_of(fd);                \
    int result = real(fd);                       \
    if (!result && length >= 0) note(fd, length); \
    return result;                               \
  }
NOTED(fsync)
NOTED(fdatasync)
