// Who may read a key file, from what fstat says of it. Pure, so that a table can test it.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

namespace stafett::seal::internal {

// Nobody but this process and root: our own file with mode 0600 or 0400; or root's, which our own group may read and
// nobody write (0440 or 0400). The second is how Kubernetes gives a Secret to a process that is not root.
inline bool OnlyWeMayRead(const struct stat& file, uid_t user, gid_t group) {
  const mode_t mode = file.st_mode & 07777U;
  if (file.st_uid == user) return (mode & 0177U) == 0;
  return file.st_uid == 0 && file.st_gid == group && (mode & ~0440U) == 0;
}

}  // namespace stafett::seal::internal
