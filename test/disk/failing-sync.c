/* Preloaded into a server: its syncs fail with EIO while the file named by HOLDFAST_FAILING_SYNC exists; with
   HOLDFAST_LYING_SYNC they do nothing, and say that all is well. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int fails(void) {
  const char *path = getenv("HOLDFAST_FAILING_SYNC");
  return path != NULL && access(path, F_OK) == 0;
}

int fdatasync(int file) {
  static int (*real)(int);
  if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  if (getenv("HOLDFAST_LYING_SYNC") != NULL) return 0;
  if (!fails()) return real(file);
  errno = EIO;
  return -1;
}
