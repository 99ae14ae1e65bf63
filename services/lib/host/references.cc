#include "lib/host/references.h"

#include "lib/host/who.h"

namespace stafett::host {

std::string SealedReferences::ForService(const std::string& recipient, const std::string& child) const {
  return pseudonyms_.For(ChildScope(recipient), child, "cr");
}

Result<std::string> SealedReferences::ToChild(const std::string& recipient, const std::string& reference) const {
  auto child = pseudonyms_.Back(ChildScope(recipient), reference, "ch");
  if (!child) return NotAllowed();
  return child;
}

}  // namespace stafett::host
